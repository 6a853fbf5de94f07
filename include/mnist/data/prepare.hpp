// From a decoded picture to the pixels a network was trained on, by the recipe stored with the model.
#pragma once

#include <string>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"

namespace mnist {

// For pictures of digits: networks know light digits on a dark ground.
enum class Invert { automatic, always, never };

// "auto", "always", "never"; throws a usage `Error` with the nearest name otherwise.
Invert invert_from_name(const std::string& name);

// `pixels`: uint8 [height, width, 1..4] as `read_image` gives them, transparent ones laid over white. Returns uint8
// [3, height, width].
torch::Tensor to_rgb(const torch::Tensor& pixels);

// `pixels`: uint8 [height, width, 1..4] as `read_image` gives them. Returns uint8 [C, H, W] of the recipe's size, ready
// for `normalize`. Transparent pixels are laid over white.
//
// digit: grey by ITU-R 601 luma, inverted where asked for (automatic: where the border is lighter than the middle of
// the picture's own extremes). A picture that already has the recipe's size is taken as it is; any other is placed as
// MNIST places its digits: the digit's bounding box scaled (antialiased) to fit 20 x 20, its centre of mass moved to
// the centre of 28 x 28 (Y. LeCun, "The MNIST database"). An empty picture gives zeros. photo: RGB, shorter side to
// `resize` by antialiased bilinear, centre crop.
torch::Tensor prepare_image(const torch::Tensor& pixels, const Preprocessing& preprocessing, Invert invert);

}  // namespace mnist
