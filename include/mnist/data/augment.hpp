// The random changes of training images. Each is a pure function of (seed, epoch, item).
#pragma once

#include <cstdint>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"

namespace mnist {

// A part of a picture, in pixels.
struct Crop {
  std::int64_t top = 0;
  std::int64_t left = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool flip = false;  // left and right swapped

  bool operator==(const Crop&) const = default;
};

// torchvision's RandomResizedCrop and RandomHorizontalFlip with their defaults: 8 % to 100 % of the area, sides 3:4 to
// 4:3 (uniform in area and in the logarithm of the ratio; ten tries, then the middle), flipped half of the time. The
// distribution is torchvision's, the numbers are our own: Philox with its key from `seed`, counter (item, block,
// epoch).
Crop random_resized_crop(std::int64_t height, std::int64_t width, std::uint64_t seed, std::int64_t epoch,
                         std::int64_t item);

// `planes`: uint8 [C, H, W]. Returns the crop in the recipe's height and width, antialiased bilinear: uint8 [C, h, w].
torch::Tensor apply(const Crop& crop, const torch::Tensor& planes, const Preprocessing& preprocessing);

// The angle by which an item is turned: uniform in -limit .. limit, degrees (torchvision's RandomRotation).
// `items`: int64 [N] on the CPU. Returns float32 [N].
torch::Tensor random_angles(double limit, const torch::Tensor& items, std::uint64_t seed, std::int64_t epoch);

// `images`: [N, C, H, W] on any device; `degrees`: float32 [N], counterclockwise. Turned about their middle, bilinear,
// with 0 outside: float32 [N, C, H, W].
torch::Tensor rotate(const torch::Tensor& images, const torch::Tensor& degrees);

}  // namespace mnist
