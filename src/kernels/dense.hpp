// Fully connected layers. See mnist/kernels/kernels.hpp.
//
// The weights of a panel of columns lie together, input after input, so that a product reads them once and in order.
// Each sum adds its products in the order of the inputs, whatever the number of rows: an item gives the same bytes
// alone and in a batch.
#pragma once

#include "mnist/kernels/kernels.hpp"

#include "matrix.hpp"

namespace {

static_assert(mnist::dense::kColumns % kPanel == 0);

// weight: [out, in]. packed: [out / kPanel][in, kPanel].
void pack_dense(int in, int begin, int end, const float* weight, float* packed) {
  for (int column = begin; column < end; ++column) {
    const float* from = weight + std::int64_t{column} * in;
    float* to = packed + std::int64_t{column / kPanel} * in * kPanel + column % kPanel;
    for (int i = 0; i < in; ++i) to[std::int64_t{i} * kPanel] = from[i];
  }
}

// Adds the products of `depth` inputs to a panel of the results of a few rows.
inline void add_products(int rows, const float* inputs, int in, const float* weights, int depth, float* results,
                         int out) {
  const Left left = {inputs, in, 1};
  switch (rows) {
    case 1:
      return multiply_block<1, kPanelVecs, true>(left, weights, kPanel, depth, results, out);
    case 2:
      return multiply_block<2, kPanelVecs, true>(left, weights, kPanel, depth, results, out);
    case 3:
      return multiply_block<3, kPanelVecs, true>(left, weights, kPanel, depth, results, out);
    case 4:
      return multiply_block<4, kPanelVecs, true>(left, weights, kPanel, depth, results, out);
    case 5:
      return multiply_block<5, kPanelVecs, true>(left, weights, kPanel, depth, results, out);
    default:
      return multiply_block<kPanelRows, kPanelVecs, true>(left, weights, kPanel, depth, results, out);
  }
}

void dense(int in, int out, const float* packed, const float* bias, int begin, int end, const float* inputs,
           std::int64_t rows, float* results) {
  constexpr int kDepth = 128;  // inputs at once: their weights stay in the first cache for all rows
  for (int column = begin; column < end; column += kPanel) {
    const float* weights = packed + std::int64_t{column} * in;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (int i = 0; i < kPanel; i += kLanes) store(results + row * out + column + i, load(bias + column + i));
    }
    for (int first = 0; first < in; first += kDepth) {
      const int depth = in - first < kDepth ? in - first : kDepth;
      for (std::int64_t row = 0; row < rows; row += kPanelRows) {
        const std::int64_t left = rows - row;
        add_products(static_cast<int>(left < kPanelRows ? left : kPanelRows), inputs + row * in + first, in,
                     weights + std::int64_t{first} * kPanel, depth, results + row * out + column, out);
      }
    }
  }
}

}  // namespace
