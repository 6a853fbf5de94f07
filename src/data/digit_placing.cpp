#include "digit_placing.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/maximum.h>

#include "picture.hpp"

namespace mnist {
namespace {

constexpr double kLeastStroke = 1.8;       // pixels of the result; MNIST's are 2 to 4 wide
constexpr double kBoxShare = 20.0 / 28.0;  // of the picture's size, for the digit's box; MNIST's

// The start of a box of `size` whose centre of mass is as near as possible to the middle of `room`, without leaving it.
// `profile`: float [size], the ink by position.
std::int64_t centred(const torch::Tensor& profile, std::int64_t room) {
  const auto size = profile.size(0);
  const auto positions = torch::arange(size, torch::kFloat32);
  const auto centre = ((profile * positions).sum() / profile.sum()).item<double>();
  const auto middle = room / 2;
  const auto begin = std::llround(static_cast<double>(middle) - centre);
  return std::clamp<std::int64_t>(begin, 0, room - size);
}

// The stroke width in pixels: number of ink pixels divided by half of the outline.
double stroke_width(const torch::Tensor& ink) {
  const auto inked = at::constant_pad_nd((ink > 0.5).to(torch::kFloat32), {1, 1, 1, 1}).unsqueeze(0);
  // A pixel of the outline has a neighbour without ink: above, below, left or right.
  const auto inner =
      -at::maximum(at::max_pool2d(-inked, {3, 1}, {1, 1}, {1, 0}), at::max_pool2d(-inked, {1, 3}, {1, 1}, {0, 1}));
  const auto area = inked.sum().item<double>();
  return 2 * area / std::max(1.0, area - inner.sum().item<double>());
}

// Widens thin strokes so that they still have full ink after scaling by `scale`; the box grows, too.
torch::Tensor thickened(const torch::Tensor& ink, double scale) {
  const auto missing = kLeastStroke / scale - stroke_width(ink);
  const auto reach = static_cast<std::int64_t>(std::lround(missing / 2));
  if (reach < 1) return ink;
  const auto padded = at::constant_pad_nd(ink, {reach, reach, reach, reach}).unsqueeze(0);
  const auto side = 2 * reach + 1;
  const auto rows = at::max_pool2d(padded, {side, 1}, {1, 1}, {reach, 0});
  return at::max_pool2d(rows, {1, side}, {1, 1}, {0, reach}).squeeze(0);
}

double scale_to(const torch::Tensor& ink, std::int64_t height, std::int64_t width) {
  return std::min(kBoxShare * static_cast<double>(height) / static_cast<double>(ink.size(0)),
                  kBoxShare * static_cast<double>(width) / static_cast<double>(ink.size(1)));
}

}  // namespace

torch::Tensor place_digit(const torch::Tensor& ink, std::int64_t height, std::int64_t width) {
  const auto thick = thickened(ink, scale_to(ink, height, width));
  const auto scale = scale_to(thick, height, width);
  const auto scaled = [&](std::int64_t side) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(side) * scale));
  };
  auto digit = resize(thick.unsqueeze(0), scaled(thick.size(0)), scaled(thick.size(1))).squeeze(0);
  digit = digit / digit.max().clamp_min(1e-3);
  const auto top = centred(digit.sum(1), height);
  const auto left = centred(digit.sum(0), width);
  auto result = torch::zeros({1, height, width}, torch::kUInt8);
  result[0]
      .slice(0, top, top + digit.size(0))
      .slice(1, left, left + digit.size(1))
      .copy_((digit * 255).round().clamp(0, 255));
  return result;
}

}  // namespace mnist
