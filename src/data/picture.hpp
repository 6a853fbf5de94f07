// Converts decoded pixels to grey, and resizes planes.
#pragma once

#include <cstdint>

#include <torch/types.h>

#include "mnist/data/read_picture.hpp"

namespace mnist {

// `pixels`: uint8 [H, W, 1..4], grey or RGB, with or without alpha. Transparent pixels are composited over the
// backdrop. Returns uint8 [1, H, W], ITU-R 601 luma with Pillow's rounding.
torch::Tensor to_grey(const torch::Tensor& pixels, Backdrop backdrop = Backdrop::white);

// Resizes with antialiased bilinear filtering, like Pillow and torchvision. `planes`: uint8 or float [C, H, W]; returns
// the same type.
torch::Tensor resize(const torch::Tensor& planes, std::int64_t height, std::int64_t width);

}  // namespace mnist
