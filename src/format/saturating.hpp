// Arithmetic for sizes that a file claims: where a result would not fit it is the largest number, which no bound
// allows.
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

}  // namespace mnist
