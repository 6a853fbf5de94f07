// Saturating arithmetic for sizes from a file: a result that does not fit becomes the largest number, which exceeds
// every limit.
#pragma once

#include <cstdint>
#include <limits>

namespace mnist {

inline std::uint64_t saturating_multiply(std::uint64_t a, std::uint64_t b) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  return b != 0 && a > kMax / b ? kMax : a * b;
}

inline std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  return a > kMax - b ? kMax : a + b;
}

// Whether the strides of a tensor with these sizes can be computed without overflow, also if a size is 0.
template <class Sizes>
bool addressable(const Sizes& sizes) {
  std::uint64_t product = 8;  // bytes of the largest element
  for (const std::int64_t size : sizes) {
    product = saturating_multiply(product, size > 1 ? static_cast<std::uint64_t>(size) : 1);
  }
  return product <= std::uint64_t{1} << 62;
}

}  // namespace mnist
