#include "ink.hpp"

#include <algorithm>
#include <cstdint>

#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include "mnist/data/prepare.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kBackgroundSide = 64;  // pixels; light on paper changes slowly

// The maximum in a window of `side` (odd) around each pixel. float [1, H, W].
torch::Tensor dilate(const torch::Tensor& plane, std::int64_t side) {
  const auto columns = at::max_pool2d(plane, {side, 1}, {1, 1}, {side / 2, 0});
  return at::max_pool2d(columns, {1, side}, {1, 1}, {0, side / 2});
}

// The background without ink: a morphological opening with a window wider than any stroke. Subtracts the light gradient
// first, because the opening would cut off its brightest part at the border.
torch::Tensor background(const torch::Tensor& picture) {
  const auto small = shrink_to(picture, kBackgroundSide);
  const auto window = std::max(small.size(1), small.size(2)) / 2 | 1;
  const auto even = fit_plane(small);
  return enlarge(dilate(-dilate(even - small, window), window) + even, picture);
}

torch::Tensor soften(const torch::Tensor& plane) {
  return at::avg_pool2d(plane, {3, 3}, {1, 1}, {1, 1}, /*ceil_mode=*/false, /*count_include_pad=*/false);
}

}  // namespace

// Iteratively reweighted least squares: each weight is the inverse of the difference (E. J. Schlossmacher, 1973).
torch::Tensor fit_plane(const torch::Tensor& picture, const torch::Tensor& weights) {
  constexpr int kRounds = 10;
  constexpr double kLeastDifference = 1;  // grey levels; limits the weights
  const auto values = picture.to(torch::kFloat64).view({-1});
  const auto rows =
      torch::linspace(-1, 1, picture.size(1), torch::kFloat64).view({-1, 1}).expand({-1, picture.size(2)});
  const auto columns = torch::linspace(-1, 1, picture.size(2), torch::kFloat64).expand({picture.size(1), -1});
  const auto terms = at::stack({torch::ones_like(values), rows.reshape({-1}), columns.reshape({-1})}, 1);
  // A side of one pixel has no slope; the small number keeps the equations solvable.
  const auto steady = 1e-6 * torch::eye(3, torch::kFloat64);
  const auto given = weights.defined() ? weights.to(torch::kFloat64).view({-1, 1}) : torch::ones_like(terms);
  auto fitted = values.median().expand_as(values);
  for (int round = 0; round < kRounds; ++round) {
    const auto weighted = given * terms / (values - fitted).abs().clamp_min(kLeastDifference).unsqueeze(1);
    const auto plane = at::linalg_solve(weighted.t().mm(terms) + steady, weighted.t().mv(values));
    fitted = terms.mv(plane);
  }
  return fitted.view(picture.sizes()).to(torch::kFloat32);
}

torch::Tensor enlarge(const torch::Tensor& plane, const torch::Tensor& picture) {
  if (plane.sizes() == picture.sizes()) return plane;
  return at::upsample_bilinear2d(plane.unsqueeze(0), {picture.size(1), picture.size(2)}, /*align_corners=*/false)
      .squeeze(0);
}

std::optional<Ink> find_ink(const torch::Tensor& picture) {
  const auto raw = (picture - background(picture)).clamp_min(0);
  const auto soft = soften(raw);
  const auto strongest = soft.max().item<double>();
  // The noise of the background has a median above 0. Limited to half of the ink, because in a picture that is mostly
  // digit the median is ink.
  const auto ground = std::min(raw.median().item<double>(), strongest / 2);
  const auto range = strongest - ground;
  if (range < kLeastContrast) return std::nullopt;
  const auto stretched = [&](const torch::Tensor& values) {
    return ((values - ground) / range).clamp(0, 1).squeeze(0);
  };
  return Ink{stretched(raw), stretched(soft), range};
}

}  // namespace mnist
