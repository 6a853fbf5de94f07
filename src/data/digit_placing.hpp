// Converts a digit's ink to a picture like MNIST's.
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace mnist {

// `ink`: float [h, w], 0 to 1, the digit's bounding box. Returns uint8 [1, height, width], the digit on black: its box
// scaled to fit 20/28 of the size, its centre of mass at pixel (height / 2, width / 2), as measured on MNIST, if the
// box fits there.
torch::Tensor place_digit(const torch::Tensor& ink, std::int64_t height, std::int64_t width);

}  // namespace mnist
