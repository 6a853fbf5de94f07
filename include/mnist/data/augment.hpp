// The random changes of training photos. Each is a pure function of (seed, epoch, item).
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

}  // namespace mnist
