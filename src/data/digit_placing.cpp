#include "digit_placing.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include "mnist/data/prepare.hpp"

#include "marks.hpp"
#include "picture.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kWorkingSide = 512;  // pixels; a digit of a tenth of the picture still has twice MNIST's detail
constexpr std::int64_t kBackgroundSide = 64;  // pixels; light on paper changes slowly
constexpr double kLeastContrast = 16;         // grey levels between ink and ground; less is an empty sheet
constexpr double kBoxShare = 20.0 / 28.0;     // of the picture's size, for the digit's box; MNIST's

// The largest value in the window of `side` (odd) round each pixel. float [1, H, W].
torch::Tensor dilate(const torch::Tensor& plane, std::int64_t side) {
  const auto columns = at::max_pool2d(plane, {side, 1}, {1, 1}, {side / 2, 0});
  return at::max_pool2d(columns, {1, side}, {1, 1}, {0, side / 2});
}

// The ground without what is written on it: a morphological opening with a window wider than any stroke.
torch::Tensor background(const torch::Tensor& picture) {
  const auto small = shrink_to(picture, kBackgroundSide);
  const auto window = std::max(small.size(1), small.size(2)) / 2 | 1;
  auto ground = dilate(-dilate(-small, window), window);
  if (small.sizes() == picture.sizes()) return ground;
  return at::upsample_bilinear2d(ground.unsqueeze(0), {picture.size(1), picture.size(2)}, /*align_corners=*/false)
      .squeeze(0);
}

// Mean of the 3 x 3 pixels round each: one noisy pixel decides nothing. [1, H, W]
torch::Tensor soften(const torch::Tensor& plane) {
  return at::avg_pool2d(plane, {3, 3}, {1, 1}, {1, 1}, /*ceil_mode=*/false, /*count_include_pad=*/false);
}

struct Range {
  std::int64_t begin;
  std::int64_t end;
};

// From the first to the last that is true; there is one. bool [N]
Range extent(const torch::Tensor& flags) {
  const auto places = flags.nonzero();
  return {places.min().item<std::int64_t>(), places.max().item<std::int64_t>() + 1};
}

// Where a box of `size` begins so that its centre of mass comes nearest to the middle of `room` without leaving it.
// `profile`: float [size], the ink by position.
std::int64_t centred(const torch::Tensor& profile, std::int64_t room) {
  const auto size = profile.size(0);
  const auto positions = torch::arange(size, torch::kFloat32);
  const auto centre = ((profile * positions).sum() / profile.sum()).item<double>();
  const auto middle = room / 2;
  const auto begin = std::llround(static_cast<double>(middle) - centre);
  return std::clamp<std::int64_t>(begin, 0, room - size);
}

}  // namespace

torch::Tensor place_digit(const torch::Tensor& grey, std::int64_t height, std::int64_t width) {
  auto result = torch::zeros({1, height, width}, torch::kUInt8);
  const auto picture = shrink_to(grey, kWorkingSide).to(torch::kFloat32);
  const auto raw_ink = (picture - background(picture)).clamp_min(0);
  const auto soft_ink = soften(raw_ink);
  const auto strongest = soft_ink.max().item<double>();
  // The ground's noise keeps its middle above 0. Half of the ink: where most of the picture is digit, the middle is
  // too.
  const auto ground = std::min(raw_ink.median().item<double>(), strongest / 2);
  if (strongest - ground < kLeastContrast) return result;
  const auto stretched = [&](const torch::Tensor& values) {
    return ((values - ground) / (strongest - ground)).clamp(0, 1);
  };

  const auto ink = stretched(raw_ink);
  const auto marks = digit_marks(stretched(soft_ink).squeeze(0));
  const auto rows = extent(marks.any(1));
  const auto columns = extent(marks.any(0));
  const auto box = ink.slice(1, rows.begin, rows.end).slice(2, columns.begin, columns.end);
  const auto scale = std::min(kBoxShare * static_cast<double>(height) / static_cast<double>(box.size(1)),
                              kBoxShare * static_cast<double>(width) / static_cast<double>(box.size(2)));
  const auto scaled = [&](std::int64_t side) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(side) * scale));
  };
  const auto digit = resize(box, scaled(box.size(1)), scaled(box.size(2))).squeeze(0);
  const auto top = centred(digit.sum(1), height);
  const auto left = centred(digit.sum(0), width);
  result[0]
      .slice(0, top, top + digit.size(0))
      .slice(1, left, left + digit.size(1))
      .copy_((digit * 255).round().clamp(0, 255));
  return result;
}

}  // namespace mnist
