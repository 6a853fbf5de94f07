// Transposes a matrix, one square of registers at a time.
#pragma once

#include <utility>

#include "vec.hpp"

namespace {

// Exchanges parts of two rows `Distance` apart, a step of transposing all squares of 2 * Distance (J. Eklundh, "A fast
// computer method for matrix transposing", 1972).
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

// `from` [rows, columns] to `to` [columns, rows]. Stores change(values, index) at `to` + index instead of the values
// themselves.
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
