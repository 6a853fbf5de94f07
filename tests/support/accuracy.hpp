// Checks the accuracy of float32 computations. Two float32 results differ by the rounding errors of both, and
// LibTorch's errors depend on the processor, so a fixed bound on their difference would be wrong. Instead, this test
// compares with an exact result (float64) and a reference in float32, usually LibTorch's:
//
//   our error <= factor * max(the reference's error, least)
//
// An error is |result - exact| / |exact| with Euclidean norms. `least` is a lower bound for a reference that is exact
// by luck (few numbers, or sums without rounding); usually it is `rounding_error`.
//
// For gradients, choose data for which rounding does not change a maximum or a ReLU.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

namespace mnist::test {

struct Accuracy {
  double factor;                  // explain it in a comment
  double least;                   // minimum assumed error of the reference
  double reference_error = 1e-4;  // maximum; a larger error is not rounding: `exact` must be wrong
};

// The factor for the same operations in another order or with fused multiply-adds. Both errors are sums of equally many
// rounding errors, which rarely differ by a factor of 2; this is twice that.
constexpr double kOtherOrder = 4;

// The factor for convolutions by Winograd's F(4x4, 3x3) (A. Lavin, S. Gray, arXiv 1509.09308). The terms of their sums
// are larger than the results, and so are the rounding errors. For independent numbers of mean 0 and variance 1 the six
// products of one direction have the variances 2.6, 2.8, 2.8, 0.37, 0.37 and 42 (squares in the rows of B^T, times
// those of G); the four rows of A^T add up 9.0, 8.6, 17 and 94 of that, 32 on average, where the direct sum has 3. That
// is 10.8 times the variance for each of the two directions, so 10.8 times the error for both. The direct sum has nine
// times as many additions, which is the room for a reference that adds in a better order than one after the other.
constexpr double kWinograd = 12;

// The expected error of a sequential float32 sum of numbers with random signs. An addition has the error 0.42 * 2^-24
// of its result (uniform in half a unit of the last place, mean square over the mantissas), and the k-th partial sum is
// sqrt(k / n) of the last one.
inline double rounding_error(double additions) {
  return 0.42 * std::ldexp(1.0, -24) * std::sqrt((additions + 1) / 2);
}

// Whether our error is within its bound, for EXPECT_TRUE. Records the test's largest share of a bound as property
// "share_of_bound" (--gtest_output), which shows how near the test is to failing.
testing::AssertionResult is_accurate(double error, double reference_error, const Accuracy& accuracy);

template <class Result>
double relative_error(const Result& result, const std::vector<double>& exact) {
  double difference = 0;
  double size = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    difference += (result[i] - exact[i]) * (result[i] - exact[i]);
    size += exact[i] * exact[i];
  }
  return std::sqrt(difference / size);
}

template <class Result, class Reference>
testing::AssertionResult is_accurate(const Result& result, const Reference& reference, const std::vector<double>& exact,
                                     const Accuracy& accuracy) {
  return is_accurate(relative_error(result, exact), relative_error(reference, exact), accuracy);
}

}  // namespace mnist::test
