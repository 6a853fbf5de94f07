// The judge of float32 arithmetic: the same computation in float64, and beside it another one in float32, mostly
// LibTorch's. Two results in float32 differ by the rounding of both, and LibTorch's depends on the processor: a fixed
// bound on their difference judges that. Here
//
//   our error <= factor * max(the reference's error, least)
//
// where an error is |result - exact| / |exact|, of Euclidean norms, `exact` in float64. `least` stands in for a
// reference that is exact by luck: few numbers, or sums that happen to round to nothing; mostly it is `rounding_error`.
//
// For gradients choose data of which rounding decides no maximum and no ReLU: it would send them another way.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

namespace mnist::test {

struct Accuracy {
  double factor;                  // a comment at its place says why so much
  double least;                   // error of the reference that is believed
  double reference_error = 1e-4;  // at most: a larger one is not rounding, so `exact` is of something else
};

// The factor for the same operations in another order, or joined by multiplying and adding in one: the two errors are
// sums of as many roundings, which seldom differ by a factor of 2; twice that.
constexpr double kOtherOrder = 4;

// The factor for convolutions by Winograd's F(4x4, 3x3) (A. Lavin, S. Gray, arXiv 1509.09308). What they add up is
// larger than what comes out, and so is its rounding. For independent numbers of mean 0 and variance 1 the six products
// of one direction have the variances 2.6, 2.8, 2.8, 0.37, 0.37 and 42 (squares in the rows of B^T, times those of G);
// the four rows of A^T add up 9.0, 8.6, 17 and 94 of that, 32 on average, where the direct sum has 3. That is 10.8
// times the variance for each of the two directions, so 10.8 times the error for both. The direct sum has nine times as
// many additions, which is the room for a reference that adds in a better order than one after the other.
constexpr double kWinograd = 12;

// What is to be expected of a sum of so many numbers of either sign, added one after the other in float32. An addition
// leaves 0.42 * 2^-24 of its result (uniform in half a unit of the last place, mean square over the mantissas), and the
// k-th partial sum is sqrt(k / n) of the last.
inline double rounding_error(double additions) {
  return 0.42 * std::ldexp(1.0, -24) * std::sqrt((additions + 1) / 2);
}

// Our error within its bound, for EXPECT_TRUE. The test's largest share of a bound so far is kept among its properties
// (--gtest_output) as "share_of_bound": how near it is to failing.
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
