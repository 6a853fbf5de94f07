// Removes the lines of ruled and squared paper.
#pragma once

#include <torch/types.h>

namespace mnist {

struct Unruled {
  torch::Tensor ink;  // float [H, W], 0 (background) to 1, without the lines
  bool had_lines = false;
};

// `ink`: float [H, W], 0 (background) to 1. Removes thin straight lines across the page that are nearly horizontal or
// vertical: a line across nine tenths of the page, and three or more lines in one direction across six tenths. Thicker
// strokes that cross a line stay.
Unruled without_ruling(const torch::Tensor& ink);

}  // namespace mnist
