// From a picture to the digits that are written on it.
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "mnist/data/prepare.hpp"

namespace mnist {

struct WrittenDigit {
  torch::Tensor ink;  // float [h, w], 0 (ground) to 1: the digit's box
  PictureBox box;     // where it is on the picture
  std::int64_t line;  // of the page, from 0
};

// Whether the digits of the picture are dark on a light ground, by its border. `picture`: uint8 or float
// [1, H, W].
bool has_light_ground(const torch::Tensor& picture);

// Lines from top to bottom, each from left to right. `grey`: uint8 [1, H, W]. Nothing where nothing is written: where
// there is no contrast, where the contrasts are the ground's own noise, and where there are specks alone. `automatic`:
// a sheet that is seen to end is read as a page of its own; else the border decides.
std::vector<WrittenDigit> read_page(const torch::Tensor& grey, Invert invert);

}  // namespace mnist
