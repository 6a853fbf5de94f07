// The lines of ruled and squared paper.
#pragma once

#include <torch/types.h>

namespace mnist {

struct Unruled {
  torch::Tensor ink;  // float [H, W], 0 (ground) to 1, without the lines
  bool had_lines = false;
};

// `ink`: float [H, W], 0 (ground) to 1. Takes away thin straight lines that run across the page, nearly level or
// upright: each that crosses nine tenths of it, and where there are three in one direction, those that cross six tenths
// of the way. What crosses a line and is thicker than it stays.
Unruled without_ruling(const torch::Tensor& ink);

}  // namespace mnist
