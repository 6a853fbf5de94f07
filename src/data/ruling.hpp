// The lines of ruled and squared paper.
#pragma once

#include <torch/types.h>

namespace mnist {

// `ink`: float [H, W], 0 (ground) to 1. Returns the same without thin straight lines that run across the page, nearly
// level or upright: each that crosses nine tenths of it, and where there are three in one direction, those that cross
// six tenths. What crosses a line and is thicker than it stays.
torch::Tensor without_ruling(const torch::Tensor& ink);

}  // namespace mnist
