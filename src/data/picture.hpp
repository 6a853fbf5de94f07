// Decoded pixels of any kind to one kind, and to another size.
#pragma once

#include <cstdint>

#include <torch/types.h>

#include "mnist/data/read_picture.hpp"

namespace mnist {

// `pixels`: uint8 [H, W, 1..4], grey or RGB, with alpha or without. Transparent pixels are laid over the backdrop.
// Returns uint8 [1, H, W], ITU-R 601 luma with Pillow's rounding.
torch::Tensor to_grey(const torch::Tensor& pixels, Backdrop backdrop = Backdrop::white);

// Antialiased bilinear, as Pillow and torchvision do it. `planes`: uint8 or float [C, H, W]; returns the same type.
torch::Tensor resize(const torch::Tensor& planes, std::int64_t height, std::int64_t width);

}  // namespace mnist
