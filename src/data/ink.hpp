// Separates ink from the background of a page.
#pragma once

#include <optional>

#include <torch/types.h>

namespace mnist {

constexpr double kLeastContrast = 16;  // minimum grey levels between ink and background

// Values are relative to the strongest ink of the page: 0 is the background, 1 the strongest ink.
struct Ink {
  torch::Tensor sharp;  // float [H, W], 0 to 1
  torch::Tensor soft;   // float [H, W], 0 to 1, the mean of 3 x 3 pixels, to suppress noise
  double range = 0;     // difference in grey levels between 0 and 1
};

// Returns the plane a + b y + c x with the smallest sum of absolute differences to the grey levels, float [1, H, W]:
// the gradient of the light. Ink and the edge of a desk do not affect it much. `picture`: float [1, H, W]; `weights`:
// float [H, W], of the pixels; undefined: all are 1.
torch::Tensor fit_plane(const torch::Tensor& picture, const torch::Tensor& weights = {});

// Enlarges a small plane to the size of `picture`, bilinear. Both float [1, H, W].
torch::Tensor enlarge(const torch::Tensor& plane, const torch::Tensor& picture);

// `picture`: float [1, H, W], grey levels 0 to 255, light ink on a darker background, which may be uneven and noisy (an
// inverted photo of paper). Returns nothing if the strongest ink is less than `kLeastContrast` above the background.
std::optional<Ink> find_ink(const torch::Tensor& picture);

}  // namespace mnist
