#include <algorithm>

#include "mnist/data/prepare.hpp"
#include "mnist/report/pictures.hpp"

#include "canvas.hpp"

namespace mnist {
namespace {

constexpr int kTile = 240;  // pixels, side of the square for an image
constexpr int kGap = 16;
constexpr double kCaptionText = 15;
constexpr double kLine = 19;
constexpr int kCaption = 46;  // two lines

Color color_of(CaptionedImage::Mark mark) {
  if (mark == CaptionedImage::Mark::none) return kBlack;
  return mark == CaptionedImage::Mark::right ? kGood : kBad;
}

std::vector<std::string> lines_of(const std::string& caption) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin <= caption.size();) {
    const std::size_t end = std::min(caption.find('\n', begin), caption.size());
    lines.push_back(caption.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// `corner`, `size`: of the image.
void mark(Canvas& canvas, Point corner, Point size, const MarkedBox& box) {
  constexpr Color kMarked = {0.90, 0.35, 0.0};
  const Point place = {corner.x + box.left * size.x, corner.y + box.top * size.y};
  canvas.frame(place, box.width * size.x, box.height * size.y, kMarked, 2);
  // Inside the box if there is no room above it.
  const double base = place.y - corner.y < kCaptionText ? place.y + kCaptionText : place.y - 3;
  canvas.text({place.x, base}, box.text, kCaptionText, TextAlign::left, kMarked);
}

// The image in the middle of a square of `side` pixels at `corner`, its caption below.
void draw_tile(Canvas& canvas, Point corner, double side, double caption, const CaptionedImage& image) {
  const auto height = static_cast<double>(image.pixels.size(1));
  const auto width = static_cast<double>(image.pixels.size(2));
  const double scale = side / std::max(height, width);
  const Point place = {corner.x + (side - width * scale) / 2, corner.y + (side - height * scale) / 2};
  canvas.image(place, width * scale, height * scale, image.pixels);
  for (const MarkedBox& box : image.boxes) mark(canvas, place, {width * scale, height * scale}, box);
  double base = corner.y + side + kLine;
  for (const std::string& line : lines_of(image.caption)) {
    if (base >= corner.y + side + caption) break;
    canvas.text({corner.x + side / 2, base}, canvas.fitted(line, kCaptionText, side), kCaptionText, TextAlign::center,
                color_of(image.mark));
    base += kLine;
  }
}

}  // namespace

void draw_image_grid(const std::filesystem::path& path, const std::vector<CaptionedImage>& images, int columns) {
  const int count = static_cast<int>(images.size());
  columns = std::clamp(columns, 1, std::max(count, 1));
  const int rows = (count + columns - 1) / columns;
  Canvas canvas(kGap + columns * (kTile + kGap), kGap + rows * (kTile + kCaption + kGap));
  for (int i = 0; i < count; ++i) {
    const int row = i / columns;
    const int column = i % columns;
    const double left = kGap + column * (kTile + kGap);
    const double top = kGap + row * (kTile + kCaption + kGap);
    draw_tile(canvas, {left, top}, kTile, kCaption, images[static_cast<std::size_t>(i)]);
  }
  canvas.save(path);
}

void draw_image(const std::filesystem::path& path, const CaptionedImage& image) {
  constexpr double kLeast = 240;
  constexpr double kMost = 1200;
  constexpr std::int64_t kLongest = 4096;  // cairo's limit is 32,767 pixels, with 7 bytes for each
  if (std::max(image.pixels.size(1), image.pixels.size(2)) > kLongest) {
    return draw_image(path, {shrink_to(image.pixels, kLongest), image.caption, image.mark, image.boxes});
  }
  const auto longest = static_cast<double>(std::max(image.pixels.size(1), image.pixels.size(2)));
  const double scale = std::clamp(longest, kLeast, kMost) / longest;
  const double width = static_cast<double>(image.pixels.size(2)) * scale;
  const double height = static_cast<double>(image.pixels.size(1)) * scale;
  // Large pictures are shown smaller than they are: so that their captions can still be read.
  const double size = std::max(kCaptionText, longest * scale / 40);
  const double line = size * kLine / kCaptionText;
  Canvas measure(1, 1);
  const std::vector<std::string> lines = lines_of(image.caption);
  double wide = std::max(width, kLeast);
  for (const std::string& text : lines) wide = std::max(wide, std::min(measure.text_width(text, size), kMost));
  Canvas canvas(static_cast<int>(wide + 2 * kGap),
                static_cast<int>(height + line * (static_cast<double>(lines.size()) + 0.5) + 2 * kGap));
  const Point place = {kGap + (wide - width) / 2, kGap};
  canvas.image(place, width, height, image.pixels);
  canvas.frame(place, width, height, kGrey);
  for (const MarkedBox& box : image.boxes) mark(canvas, place, {width, height}, box);
  double base = kGap + height + line;
  for (const std::string& text : lines) {
    canvas.text({kGap + wide / 2, base}, canvas.fitted(text, size, wide), size, TextAlign::center,
                color_of(image.mark));
    base += line;
  }
  canvas.save(path);
}

}  // namespace mnist
