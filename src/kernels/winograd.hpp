// The transforms of Winograd's convolution F(4x4, 3x3): a tile of 4x4 results from 6x6 inputs with 36 products instead
// of 144. Y = A^T [(G g G^T) * (B^T d B)] A, with the points 0, 1, -1, 2, -2 and infinity (A. Lavin, S. Gray, arXiv
// 1509.09308). The gradients are the same products with the transposed matrices.
//
// The line functions process as many channels at once as a register has lanes. `transform_tile` applies one of them to
// the lines of a tile in both directions.
#pragma once

#include "vec.hpp"

namespace {

constexpr int kPlaces = 36;  // elements of a 6x6 tile

// B^T d: inputs.
inline void input_line(const Vec d[6], Vec out[6]) {
  const Vec a = d[4] - 4 * d[2];
  const Vec b = d[3] - 4 * d[1];
  const Vec c = d[4] - d[2];
  const Vec e = 2 * (d[3] - d[1]);
  out[0] = 4 * d[0] - 5 * d[2] + d[4];
  out[1] = a + b;
  out[2] = a - b;
  out[3] = c + e;
  out[4] = c - e;
  out[5] = 4 * d[1] - 5 * d[3] + d[5];
}

// B v: gradients of the inputs.
inline void input_gradient_line(const Vec v[6], Vec out[6]) {
  const Vec sum1 = v[1] + v[2];
  const Vec difference1 = v[1] - v[2];
  const Vec sum2 = v[3] + v[4];
  const Vec difference2 = v[3] - v[4];
  out[0] = 4 * v[0];
  out[1] = 4 * (v[5] - difference1) - 2 * difference2;
  out[2] = -5 * v[0] - 4 * sum1 - sum2;
  out[3] = difference1 + 2 * difference2 - 5 * v[5];
  out[4] = v[0] + sum1 + sum2;
  out[5] = v[5];
}

// A^T m: results.
inline void output_line(const Vec m[6], Vec out[4]) {
  const Vec sum1 = m[1] + m[2];
  const Vec difference1 = m[1] - m[2];
  const Vec sum2 = m[3] + m[4];
  const Vec difference2 = m[3] - m[4];
  out[0] = m[0] + sum1 + sum2;
  out[1] = difference1 + 2 * difference2;
  out[2] = sum1 + 4 * sum2;
  out[3] = difference1 + 8 * difference2 + m[5];
}

// A y: gradients of the results.
inline void output_gradient_line(const Vec y[4], Vec out[6]) {
  const Vec even1 = y[0] + y[2];
  const Vec odd1 = y[1] + y[3];
  const Vec even2 = y[0] + 4 * y[2];
  const Vec odd2 = 2 * y[1] + 8 * y[3];
  out[0] = y[0];
  out[1] = even1 + odd1;
  out[2] = even1 - odd1;
  out[3] = even2 + odd2;
  out[4] = even2 - odd2;
  out[5] = y[3];
}

// G g: weights.
inline void weight_line(const Vec g[3], Vec out[6]) {
  const Vec a = (g[0] + g[2]) * (1.0F / 6);
  const Vec b = g[1] * (1.0F / 6);
  const Vec c = g[0] * (1.0F / 24) + g[2] * (1.0F / 6);
  const Vec d = g[1] * (1.0F / 12);
  out[0] = g[0] * 0.25F;
  out[1] = -(a + b);
  out[2] = b - a;
  out[3] = c + d;
  out[4] = c - d;
  out[5] = g[2];
}

// G^T u: gradients of the weights.
inline void weight_gradient_line(const Vec u[6], Vec out[3]) {
  const Vec sum1 = (u[1] + u[2]) * (1.0F / 6);
  const Vec sum2 = u[3] + u[4];
  out[0] = u[0] * 0.25F - sum1 + sum2 * (1.0F / 24);
  out[1] = (u[2] - u[1]) * (1.0F / 6) + (u[3] - u[4]) * (1.0F / 12);
  out[2] = sum2 * (1.0F / 6) - sum1 + u[5];
}

// from(i, j) returns element i of line j of an In x In tile; to(i, j, value) stores those of the Out x Out tile.
template <int In, int Out, void (*line)(const Vec*, Vec*), class From, class To>
inline void transform_tile(const From& from, const To& to) {
  Vec half[Out][In];
  for (int j = 0; j < In; ++j) {
    Vec values[In];
    for (int i = 0; i < In; ++i) values[i] = from(i, j);
    Vec transformed[Out];
    line(values, transformed);
    for (int i = 0; i < Out; ++i) half[i][j] = transformed[i];
  }
  for (int i = 0; i < Out; ++i) {
    Vec transformed[Out];
    line(half[i], transformed);
    for (int j = 0; j < Out; ++j) to(i, j, transformed[j]);
  }
}

}  // namespace
