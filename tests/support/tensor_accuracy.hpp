// `is_accurate` (accuracy.hpp) for tensors. Header only, because only tests of modules that use LibTorch may include
// it.
#pragma once

#include <ATen/ATen.h>

#include "support/accuracy.hpp"

namespace mnist::test {

// |result - exact| / |exact| with Euclidean norms, in float64.
inline double relative_error(const at::Tensor& result, const at::Tensor& exact) {
  const at::Tensor truth = exact.detach().to(at::kDouble).cpu();
  return ((result.detach().to(at::kDouble).cpu() - truth).norm() / truth.norm()).item<double>();
}

// `exact` must be float64, so that a float32 result is not used as exact by mistake.
inline testing::AssertionResult is_accurate(const at::Tensor& result, const at::Tensor& reference,
                                            const at::Tensor& exact, const Accuracy& accuracy) {
  if (exact.scalar_type() != at::kDouble) return testing::AssertionFailure() << "the truth is not of float64";
  return is_accurate(relative_error(result, exact), relative_error(reference, exact), accuracy);
}

}  // namespace mnist::test
