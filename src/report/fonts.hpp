// The fonts that pictures take their letters from: those of fontconfig for "sans-serif", in its order, so that every
// letter that an installed font has can be drawn. They are found at the first call and kept. Thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

struct _cairo_font_face;

namespace mnist {

struct TextInFont {
  std::size_t font = 0;  // number in the order of fontconfig
  std::string text;      // UTF-8
};

// The parts of `text`, valid UTF-8, each in the first font that has its letters. Letters that no font has are in the
// first font, which draws a box.
std::vector<TextInFont> in_fonts(const std::string& text);

// Owned by this module. A font that cannot be loaded is drawn as cairo's default one.
_cairo_font_face* font_face(std::size_t number);

}  // namespace mnist
