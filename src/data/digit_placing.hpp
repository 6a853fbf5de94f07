// A picture with a digit somewhere on it to a picture like MNIST's.
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace mnist {

// `grey`: uint8 [1, H, W], light digit on a darker ground, which may be uneven and noisy (a photo of paper, inverted).
// Returns uint8 [1, height, width], the digit on black: its bounding box scaled to fit 20/28 of the size, its centre of
// mass at pixel (height / 2, width / 2), as measured on MNIST, as far as the box then stays inside. Zeros where there
// is no digit.
torch::Tensor place_digit(const torch::Tensor& grey, std::int64_t height, std::int64_t width);

}  // namespace mnist
