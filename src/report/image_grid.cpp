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
void draw(Canvas& canvas, Point corner, double side, double caption, const CaptionedImage& image) {
  const auto height = static_cast<double>(image.pixels.size(1));
  const auto width = static_cast<double>(image.pixels.size(2));
  const double scale = side / std::max(height, width);
  const Point place = {corner.x + (side - width * scale) / 2, corner.y + (side - height * scale) / 2};
  canvas.image(place, width * scale, height * scale, image.pixels);
  for (const MarkedBox& box : image.boxes) mark(canvas, place, {width * scale, height * scale}, box);
  double base = corner.y + side + kLine;
  for (std::size_t begin = 0; begin <= image.caption.size() && base < corner.y + side + caption; base += kLine) {
    const std::size_t end = std::min(image.caption.find('\n', begin), image.caption.size());
    const std::string line = canvas.fitted(image.caption.substr(begin, end - begin), kCaptionText, side);
    canvas.text({corner.x + side / 2, base}, line, kCaptionText, TextAlign::center, color_of(image.mark));
    begin = end + 1;
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
    draw(canvas, {left, top}, kTile, kCaption, images[static_cast<std::size_t>(i)]);
  }
  canvas.save(path);
}

void draw_image(const std::filesystem::path& path, const CaptionedImage& image) {
  constexpr std::int64_t kLeast = 240;
  constexpr std::int64_t kMost = 1200;
  constexpr std::int64_t kLongest = 4096;  // cairo's limit is 32,767 pixels, with 7 bytes for each
  if (std::max(image.pixels.size(1), image.pixels.size(2)) > kLongest) {
    return draw_image(path, {shrink_to(image.pixels, kLongest), image.caption, image.mark, image.boxes});
  }
  const auto side = static_cast<int>(std::clamp(std::max(image.pixels.size(1), image.pixels.size(2)), kLeast, kMost));
  const auto lines = std::max<std::int64_t>(2, 1 + std::ranges::count(image.caption, '\n'));
  const int caption = kCaption + static_cast<int>((lines - 2) * kLine);
  Canvas canvas(side + 2 * kGap, side + caption + 2 * kGap);
  draw(canvas, {kGap, kGap}, side, caption, image);
  canvas.save(path);
}

}  // namespace mnist
