// A picture being drawn, with cairo: text, lines, boxes and photos on white. Positions in pixels from the top left.
//
// Letters come from the first font of fontconfig's order for "sans-serif" that has them (`fonts.hpp`). Letters of
// complex scripts are not joined.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

namespace mnist {

struct Color {
  double red = 0;  // 0..1
  double green = 0;
  double blue = 0;
};

inline constexpr Color kBlack = {0, 0, 0};
inline constexpr Color kGrey = {0.45, 0.45, 0.45};
inline constexpr Color kWhite = {1, 1, 1};
inline constexpr Color kGood = {0.06, 0.46, 0.22};
inline constexpr Color kBad = {0.75, 0.12, 0.12};
inline constexpr Color kBlue = {0.12, 0.38, 0.70};

inline constexpr std::size_t kSeriesColors = 6;

// Distinguishable for colour-blind people (M. Okabe, K. Ito: Color Universal Design); reused from the first one.
Color series_color(std::size_t number);

enum class TextAlign { left, center, right };

struct Point {
  double x = 0;
  double y = 0;
};

class Canvas {
 public:
  // Throws an internal `Error` where cairo cannot make a picture of that size (32,767 pixels a side at most).
  Canvas(int width, int height);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  // `position`: left end, middle or right end of the base line. `size`: height of a line in pixels.
  void text(Point position, const std::string& text, double size, TextAlign align = TextAlign::left,
            Color color = kBlack);

  // Downwards from `position`.
  void text_upright(Point position, const std::string& text, double size, Color color = kBlack);

  // Pixels that `text` takes.
  double text_width(const std::string& text, double size);

  // `text` with its middle replaced by "..." if it would be wider than `width`: names often differ at the end only.
  std::string fitted(const std::string& text, double size, double width);

  void fill(Point corner, double width, double height, Color color);
  void frame(Point corner, double width, double height, Color color, double line_width = 1);
  void line(const std::vector<Point>& points, Color color, double line_width = 1.5, bool dashed = false);
  void dot(Point middle, double radius, Color color);

  // `pixels`: uint8 [C, H, W], grey or RGB, scaled to the box; small ones stay sharp-edged.
  void image(Point corner, double width, double height, const torch::Tensor& pixels);

  // As SVG if the name ends in .svg, else as an 8-bit PNG; atomically. Throws a data `Error`.
  void save(const std::filesystem::path& path);

 private:
  void use_font(std::size_t number, double size);

  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mnist
