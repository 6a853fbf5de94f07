// What is written on a page, told from the page: the ground is taken away, and what is left is measured.
#pragma once

#include <optional>

#include <torch/types.h>

namespace mnist {

constexpr double kLeastContrast = 16;  // grey levels between ink and ground; with less nothing is written

// In shares of the strongest ink on the page: 0 is the ground, 1 the strongest.
struct Ink {
  torch::Tensor sharp;  // float [H, W], 0 to 1
  torch::Tensor soft;   // float [H, W], 0 to 1, the mean of 3 x 3 pixels: one noisy pixel decides nothing
  double range = 0;     // grey levels from 0 to 1
};

// The plane a + b y + c x through the grey levels that has the least sum of absolute differences: how an even light
// falls off. What is written, and a desk's edge, do not bend it. `picture`: float [1, H, W]; `weights`: float [H, W],
// of each pixel; all the same if it is undefined. float [1, H, W].
torch::Tensor slope(const torch::Tensor& picture, const torch::Tensor& weights = {});

// A small plane at the size of `picture`, bilinear. Both float [1, H, W].
torch::Tensor enlarge(const torch::Tensor& small, const torch::Tensor& picture);

// `picture`: float [1, H, W], grey levels 0 to 255, light ink on a darker ground, which may be uneven and noisy (a
// photo of paper, inverted). None where the strongest ink is less than `kLeastContrast` above the ground.
std::optional<Ink> find_ink(const torch::Tensor& picture);

}  // namespace mnist
