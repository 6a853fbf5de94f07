// Products of small matrices with sizes that are known at compile time.
#pragma once

#include "vec.hpp"

namespace {

// Sizes of blocks of a large product: as many sums as fit into the registers.
constexpr int kPanelVecs = kLanes == 16 ? 4 : 2;
constexpr int kPanel = kPanelVecs * kLanes;  // columns
constexpr int kPanelRows = 6;

struct Left {  // element (row, depth) is at row * row_stride + depth * depth_stride
  const float* values;
  int row_stride;
  int depth_stride;
};

// Computes a block of the product in registers: `out` [Rows, Vecs * kLanes], with row stride `out_stride`, is set to
// (or, with Add, increased by) left [Rows, depth] times right [depth, Vecs * kLanes], with row stride `right_stride`.
template <int Rows, int Vecs, bool Add>
inline void multiply_block(Left left, const float* right, int right_stride, int depth, float* out, int out_stride) {
  Vec sum[Rows][Vecs];
#pragma GCC unroll 16
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 16
    for (int v = 0; v < Vecs; ++v) sum[row][v] = Add ? load(out + row * out_stride + v * kLanes) : Vec{};
  }
  for (int d = 0; d < depth; ++d) {
    Vec r[Vecs];
#pragma GCC unroll 16
    for (int v = 0; v < Vecs; ++v) r[v] = load(right + d * right_stride + v * kLanes);
#pragma GCC unroll 16
    for (int row = 0; row < Rows; ++row) {
      const Vec l = splat(left.values[row * left.row_stride + d * left.depth_stride]);
#pragma GCC unroll 16
      for (int v = 0; v < Vecs; ++v) sum[row][v] += l * r[v];
    }
  }
#pragma GCC unroll 16
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 16
    for (int v = 0; v < Vecs; ++v) store(out + row * out_stride + v * kLanes, sum[row][v]);
  }
}

// Sets out [rows, columns] to, or with Add increases it by, left [rows, depth] times right [depth, columns]; right and
// out are dense.
template <int rows, int columns, int depth, bool Add>
inline void multiply(Left left, const float* right, float* out) {
  // As many sums as fit into the registers, besides one row of `right` and one element of `left`.
  constexpr int kRegisters = kLanes == 16 ? 24 : 12;
  constexpr int kVecs = columns / kLanes < 4 ? columns / kLanes : kLanes == 16 ? 4 : 2;
  constexpr int kRows = rows % (kRegisters / kVecs) == 0 ? kRegisters / kVecs : 4;
  static_assert(rows % kRows == 0 && columns % (kVecs * kLanes) == 0);
  for (int column = 0; column < columns; column += kVecs * kLanes) {
    for (int row = 0; row < rows; row += kRows) {
      const Left part = {left.values + row * left.row_stride, left.row_stride, left.depth_stride};
      multiply_block<kRows, kVecs, Add>(part, right + column, columns, depth, out + row * columns + column, columns);
    }
  }
}

}  // namespace
