// A matrix with rows and columns exchanged, a square of registers at a time.
#pragma once

#include <utility>

#include "vec.hpp"

namespace {

// Of two rows `Distance` apart: what they exchange so that all squares of 2 * Distance become transposed (J. Eklundh,
// "A fast computer method for matrix transposing", 1972).
template <int Distance, int... Lane>
inline void exchange(Vec& upper, Vec& lower, std::integer_sequence<int, Lane...> /*lanes*/) {
  const Vec a = upper;
  const Vec b = lower;
  upper = __builtin_shufflevector(a, b, ((Lane & Distance) != 0 ? kLanes + Lane - Distance : Lane)...);
  lower = __builtin_shufflevector(a, b, ((Lane & Distance) != 0 ? kLanes + Lane : Lane + Distance)...);
}

template <int Distance>
inline void transpose_square(Vec (&rows)[kLanes]) {
#pragma GCC unroll 16
  for (int row = 0; row < kLanes; ++row) {
    if ((row & Distance) == 0) {
      exchange<Distance>(rows[row], rows[row + Distance], std::make_integer_sequence<int, kLanes>());
    }
  }
  if constexpr (2 * Distance < kLanes) transpose_square<2 * Distance>(rows);
}

// `from` [rows, columns] to `to` [columns, rows]. change(values, index) is stored in place of the values of `to` at
// index.
template <int rows, int columns, class Change>
inline void transpose(const float* from, float* to, const Change& change) {
  static_assert(rows % kLanes == 0 && columns % kLanes == 0);
  for (int column = 0; column < columns; column += kLanes) {
    for (int row = 0; row < rows; row += kLanes) {
      Vec square[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) square[i] = load(from + (row + i) * columns + column);
      transpose_square<1>(square);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        const int index = (column + i) * rows + row;
        store(to + index, change(square[i], index));
      }
    }
  }
}

}  // namespace
