// Random augmentation of training images. Each change is a pure function of (seed, epoch, item).
#pragma once

#include <cstdint>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"

namespace mnist {

// A rectangle of a picture, in pixels.
struct Crop {
  std::int64_t top = 0;
  std::int64_t left = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool flip = false;  // left and right swapped

  bool operator==(const Crop&) const = default;
};

// torchvision's RandomResizedCrop and RandomHorizontalFlip with their defaults: 8 % to 100 % of the area, aspect ratio
// 3:4 to 4:3 (uniform in area and in the logarithm of the ratio; after ten failed attempts a centre crop), flipped with
// probability 0.5. The distribution is torchvision's, but the random numbers are Philox's: key from `seed`, counter
// (item, block, epoch).
Crop random_resized_crop(std::int64_t height, std::int64_t width, std::uint64_t seed, std::int64_t epoch,
                         std::int64_t item);

// `planes`: uint8 [C, H, W]. Returns the crop, resized to the recipe's height and width (antialiased bilinear): uint8
// [C, h, w].
torch::Tensor apply(const Crop& crop, const torch::Tensor& planes, const Preprocessing& preprocessing);

// The rotation angle of each item in degrees, uniform in -limit .. limit (torchvision's RandomRotation). `items`: int64
// [N] on the CPU. Returns float32 [N].
torch::Tensor random_angles(double limit, const torch::Tensor& items, std::uint64_t seed, std::int64_t epoch);

// `images`: [N, C, H, W] on any device; `degrees`: float32 [N], counterclockwise. Rotates the images about their
// centre, bilinear, filled with 0: float32 [N, C, H, W].
torch::Tensor rotate(const torch::Tensor& images, const torch::Tensor& degrees);

}  // namespace mnist
