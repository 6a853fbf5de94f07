#include "fonts.hpp"

#include <algorithm>
#include <cairo-ft.h>
#include <fontconfig/fontconfig.h>
#include <memory>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "mnist/report/pictures.hpp"

#include "c_object.hpp"

namespace mnist {
namespace {

using FontPattern = std::unique_ptr<FcPattern, DestroyedBy<FcPatternDestroy>>;
using FontList = std::unique_ptr<FcFontSet, DestroyedBy<FcFontSetDestroy>>;
using FontFace = std::unique_ptr<cairo_font_face_t, DestroyedBy<cairo_font_face_destroy>>;

class Fonts {
 public:
  // The fonts of this process. Never destroyed: a picture may be drawn by another thread at its end.
  static Fonts& all() {
    static auto* const fonts = new Fonts;
    return *fonts;
  }

  bool has(std::size_t number, char32_t letter) const {
    FcCharSet* letters = nullptr;
    return FcPatternGetCharSet(list_->fonts[number], FC_CHARSET, 0, &letters) == FcResultMatch &&
           FcCharSetHasChar(letters, letter) == FcTrue;
  }

  // The first font that has the letter; `size()` if none has it.
  std::size_t first_with(char32_t letter) const {
    std::size_t number = 0;
    while (number < size() && !has(number, letter)) ++number;
    return number;
  }

  std::size_t size() const { return list_ ? static_cast<std::size_t>(list_->nfont) : 0; }

  cairo_font_face_t* face(std::size_t number) {
    const std::lock_guard lock(mutex_);
    FontFace& face = faces_[std::min(number, faces_.size() - 1)];
    if (!face) face = load(number);
    return face.get();
  }

 private:
  Fonts() : wanted_(FcNameParse(reinterpret_cast<const FcChar8*>("sans-serif"))) {
    FcConfigSubstitute(nullptr, wanted_.get(), FcMatchPattern);
    FcDefaultSubstitute(wanted_.get());
    FcResult ignored = FcResultMatch;
    // Trimmed: without fonts that have no letter that an earlier one has not.
    list_.reset(FcFontSort(nullptr, wanted_.get(), FcTrue, nullptr, &ignored));
    faces_.resize(std::max<std::size_t>(1, size()));
  }

  FontFace load(std::size_t number) const {
    FontFace face;
    if (number < size()) {
      const FontPattern pattern(FcFontRenderPrepare(nullptr, wanted_.get(), list_->fonts[number]));
      face.reset(cairo_ft_font_face_create_for_pattern(pattern.get()));
    }
    if (!face || cairo_font_face_status(face.get()) != CAIRO_STATUS_SUCCESS) {
      face.reset(cairo_toy_font_face_create("sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL));
    }
    return face;
  }

  FontPattern wanted_;
  FontList list_;
  std::mutex mutex_;
  std::vector<FontFace> faces_;
};

// The letter at `position`, which it moves to the next one.
char32_t next_letter(const std::string& text, std::size_t& position) {
  FcChar32 letter = 0;
  const int bytes = FcUtf8ToUcs4(reinterpret_cast<const FcChar8*>(text.data()) + position, &letter,
                                 static_cast<int>(text.size() - position));
  position += static_cast<std::size_t>(std::max(bytes, 1));
  return letter;
}

}  // namespace

std::vector<TextInFont> in_fonts(const std::string& text) {
  const Fonts& fonts = Fonts::all();
  std::vector<TextInFont> parts;
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t begin = position;
    const char32_t letter = next_letter(text, position);
    const std::size_t first = fonts.first_with(letter);
    // Spaces and marks stay in the font of the letters before them, if it has them.
    const bool stays = !parts.empty() && parts.back().font < fonts.size() && fonts.has(parts.back().font, letter);
    const std::size_t font = stays ? parts.back().font : first < fonts.size() ? first : 0;
    if (parts.empty() || parts.back().font != font) parts.push_back({font, ""});
    parts.back().text.append(text, begin, position - begin);
  }
  return parts;
}

cairo_font_face_t* font_face(std::size_t number) {
  return Fonts::all().face(number);
}

std::string letters_without_font(const std::vector<std::string>& texts) {
  std::set<std::string> missing;
  for (const std::string& text : texts) {
    for (std::size_t position = 0; position < text.size();) {
      const std::size_t begin = position;
      if (next_letter(text, position) < U' ') continue;
      position = begin;
      const char32_t letter = next_letter(text, position);
      if (Fonts::all().first_with(letter) == Fonts::all().size()) missing.insert(text.substr(begin, position - begin));
    }
  }
  std::string letters;
  for (const std::string& letter : missing) letters += letter;
  return letters;
}

}  // namespace mnist
