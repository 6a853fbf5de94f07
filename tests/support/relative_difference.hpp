// How far a tensor is from what it should be.
#pragma once

#include <ATen/ATen.h>

namespace mnist::test {

// |a - b| / |b|, of Euclidean norms; in float64 where one of them is.
inline double relative_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

}  // namespace mnist::test
