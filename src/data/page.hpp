// Finds the handwritten digits on a picture.
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "mnist/data/prepare.hpp"

namespace mnist {

struct WrittenDigit {
  torch::Tensor ink;  // float [h, w], 0 (background) to 1: the digit's box
  PictureBox box;     // its position on the picture
  std::int64_t line;  // of the page, from 0
};

// What is written on a picture.
struct Page {
  std::vector<WrittenDigit> digits;  // by line from top to bottom, in a line from left to right
  PictureNote note = PictureNote::none;
};

// Whether the picture has a light background, judged by its border. `picture`: uint8 or float [1, H, W].
bool has_light_ground(const torch::Tensor& picture);

// `grey`: uint8 [1, H, W]. The result has no digits if the picture has no contrast, only noise of the background, or
// only specks. `automatic`: a paper sheet whose edges are visible is used as the page; otherwise the border decides
// whether to invert.
Page read_page(const torch::Tensor& grey, Invert invert);

}  // namespace mnist
