#include "page.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ops/cat.h>

#include "ink.hpp"
#include "marks.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kWorkingSide = 512;  // pixels; a digit of a tenth of the picture still has twice MNIST's detail
constexpr double kLeastSignal = 4;          // mean ink of a digit, in deviations of the ground
constexpr double kLeastExtent = 1.0 / 40;   // of the picture's longer side; less is a speck

// The box round all marks.
Mark all_of(const std::vector<Mark>& marks) {
  Mark all = marks.front();
  for (const Mark& mark : marks) {
    all.top = std::min(all.top, mark.top);
    all.left = std::min(all.left, mark.left);
    all.bottom = std::max(all.bottom, mark.bottom);
    all.right = std::max(all.right, mark.right);
  }
  return all;
}

bool is_written(const Mark& mark, const Ink& ink) {
  const auto longer = static_cast<double>(std::max(ink.soft.size(0), ink.soft.size(1)));
  const auto extent = static_cast<double>(std::max(mark.height(), mark.width()));
  const auto mean = mark.weight / static_cast<double>(mark.pixels.size());
  return extent >= kLeastExtent * longer && mean >= kLeastSignal * ink.noise;
}

// Back to the pixels of the picture, which was scaled to the page.
PictureBox box_on(const torch::Tensor& grey, const Ink& ink, const Mark& mark) {
  const auto vertical = static_cast<double>(grey.size(1)) / static_cast<double>(ink.soft.size(0));
  const auto horizontal = static_cast<double>(grey.size(2)) / static_cast<double>(ink.soft.size(1));
  const auto scaled = [](std::int64_t place, double scale) { return std::llround(static_cast<double>(place) * scale); };
  return {scaled(mark.left, horizontal), scaled(mark.top, vertical), scaled(mark.width(), horizontal),
          scaled(mark.height(), vertical)};
}

// float [1, H, W], at the working size: light digits on a darker ground.
torch::Tensor light_digits(const torch::Tensor& grey, Invert invert) {
  const auto picture = shrink_to(grey, kWorkingSide).to(torch::kFloat32);
  if (invert == Invert::never) return picture;
  if (invert == Invert::always) return 255 - picture;
  return has_light_ground(grey) ? 255 - picture : picture;
}

}  // namespace

// Half-way between the extremes rather than 127.5: paper in the shade is darker than that.
bool has_light_ground(const torch::Tensor& grey) {
  const auto plane = grey.squeeze(0);
  const auto border = at::cat({plane.select(0, 0), plane.select(0, -1), plane.select(1, 0), plane.select(1, -1)});
  const auto darkest = plane.min().item<double>();
  const auto lightest = plane.max().item<double>();
  const auto middle = darkest == lightest ? 127.5 : (darkest + lightest) / 2;
  return border.to(torch::kFloat32).mean().item<double>() > middle;
}

std::vector<WrittenDigit> read_page(const torch::Tensor& grey, Invert invert) {
  const auto ink = find_ink(light_digits(grey, invert));
  if (!ink) return {};
  auto marks = digit_marks(find_marks(ink->soft));
  std::erase_if(marks, [&](const Mark& mark) { return !is_written(mark, *ink); });
  if (marks.empty()) return {};
  const Mark all = all_of(marks);
  return {{ink->sharp.slice(0, all.top, all.bottom).slice(1, all.left, all.right), box_on(grey, *ink, all)}};
}

}  // namespace mnist
