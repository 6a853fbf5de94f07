// The CNN's convolutions, ReLUs and max-pool for one image at a time. Intermediate results stay in the cache. Only the
// pooled result and the position of every maximum are kept for the backward pass, which recomputes the rest. See
// mnist/kernels/kernels.hpp.
//
// Internal layout: channels last, so that one register holds adjacent channels of one pixel. A transformed tensor is 36
// matrices, one for each element of the 6x6 tile: [36][tiles, channels].
#pragma once

#include "mnist/kernels/kernels.hpp"

#include "matrix.hpp"
#include "transpose.hpp"
#include "winograd.hpp"

namespace {

constexpr int kImageSide = 28;
constexpr int kSide1 = 26;       // of the first convolution's result
constexpr int kPooledSide = 12;  // half of the second convolution's side, 24
constexpr int kPixels = kPooledSide * kPooledSide;
constexpr int kTaps = 9;  // of a 3x3 convolution
constexpr int kChannels1 = 32;
constexpr int kChannels2 = 64;
constexpr int kTilesInRow = 6;
constexpr int kTiles = kTilesInRow * kTilesInRow;

constexpr int kMaps1 = kSide1 * kSide1 * kChannels1;
constexpr int kWeights2 = kPlaces * kChannels1 * kChannels2;

// The transformed weights. The sums of gradients have the same layout, without the last member.
template <class T>
struct PackedWeights {
  explicit PackedWeights(T* begin)
      : weight1(begin),
        bias1(weight1 + kTaps * kChannels1),
        bias2(bias1 + kChannels1),
        weight2(bias2 + kChannels2),
        weight2_transposed(weight2 + kWeights2) {}

  T* weight1;             // [9, 32]
  T* bias1;               // [32]
  T* bias2;               // [64]
  T* weight2;             // [36][32, 64]
  T* weight2_transposed;  // [36][64, 32]
};

struct Scratch {
  explicit Scratch(float* begin)
      : maps1(begin),
        maps1_gradient(maps1 + kMaps1),
        tiles1(maps1_gradient + kMaps1),
        tiles2(tiles1 + kPlaces * kTiles * kChannels1),
        pooled(tiles2 + kPlaces * kTiles * kChannels2) {}

  float* maps1;           // [26, 26, 32]
  float* maps1_gradient;  // [26, 26, 32]
  float* tiles1;          // [36][36, 32]
  float* tiles2;          // [36][36, 64]
  float* pooled;          // [12 * 12, 64]; the result or its gradient
};

// ---- weights

// Transforms the 3x3 kernels of all pairs of channels: kernel (i, o) is at i * in_stride + o * out_stride; the result
// is [36][ins, outs].
void transform_weights(const float* kernels, int ins, int in_stride, int outs, int out_stride, float* transformed) {
  for (int in = 0; in < ins; ++in) {
    for (int out = 0; out < outs; out += kLanes) {
      float taps[kTaps][kLanes];
      for (int lane = 0; lane < kLanes; ++lane) {
        for (int tap = 0; tap < kTaps; ++tap) {
          taps[tap][lane] = kernels[in * in_stride + (out + lane) * out_stride + tap];
        }
      }
      transform_tile<3, 6, weight_line>([&](int column, int row) { return load(taps[3 * row + column]); },
                                        [&](int column, int row, Vec value) {
                                          store(transformed + ((row * 6 + column) * ins + in) * outs + out, value);
                                        });
    }
  }
}

void pack_conv_pool(const mnist::conv_pool::Parameters<const float>& weights, float* packed) {
  const PackedWeights<float> to(packed);
  for (int channel = 0; channel < kChannels1; ++channel) {
    for (int tap = 0; tap < kTaps; ++tap) {
      to.weight1[tap * kChannels1 + channel] = weights.weight1[channel * kTaps + tap];
    }
    to.bias1[channel] = weights.bias1[channel];
  }
  for (int channel = 0; channel < kChannels2; ++channel) to.bias2[channel] = weights.bias2[channel];
  transform_weights(weights.weight2, kChannels1, kTaps, kChannels2, kChannels1 * kTaps, to.weight2);
  transform_weights(weights.weight2, kChannels2, kChannels1 * kTaps, kChannels1, kTaps, to.weight2_transposed);
}

void unpack_conv_pool(const float* sums, const mnist::conv_pool::Parameters<float>& gradients) {
  const PackedWeights<const float> from(sums);
  for (int channel = 0; channel < kChannels1; ++channel) {
    for (int tap = 0; tap < kTaps; ++tap) {
      gradients.weight1[channel * kTaps + tap] = from.weight1[tap * kChannels1 + channel];
    }
    gradients.bias1[channel] = from.bias1[channel];
  }
  for (int channel = 0; channel < kChannels2; ++channel) gradients.bias2[channel] = from.bias2[channel];
  for (int in = 0; in < kChannels1; ++in) {
    for (int out = 0; out < kChannels2; out += kLanes) {
      transform_tile<6, 3, weight_gradient_line>(
          [&](int column, int row) {
            return load(from.weight2 + ((row * 6 + column) * kChannels1 + in) * kChannels2 + out);
          },
          [&](int column, int row, Vec value) {
            for (int lane = 0; lane < kLanes; ++lane) {
              gradients.weight2[((out + lane) * kChannels1 + in) * kTaps + row * 3 + column] = value[lane];
            }
          });
    }
  }
}

// ---- forward

inline Vec relu(Vec values) {
  return values < 0 ? Vec{} : values;  // NaN stays
}

// First convolution and ReLU.
void convolve1(const PackedWeights<const float>& weights, const float* image, float* maps) {
  for (int channel = 0; channel < kChannels1; channel += kLanes) {
    Vec taps[kTaps];
#pragma GCC unroll 9
    for (int tap = 0; tap < kTaps; ++tap) taps[tap] = load(weights.weight1 + tap * kChannels1 + channel);
    const Vec bias = load(weights.bias1 + channel);
    for (int row = 0; row < kSide1; ++row) {
      for (int column = 0; column < kSide1; ++column) {
        const float* pixel = image + row * kImageSide + column;
        Vec sum = bias;
#pragma GCC unroll 9
        for (int tap = 0; tap < kTaps; ++tap) sum += pixel[tap / 3 * kImageSide + tap % 3] * taps[tap];
        store(maps + (row * kSide1 + column) * kChannels1 + channel, relu(sum));
      }
    }
  }
}

inline int first_of_tile(int tile) {  // its first pixel in [26, 26]: tiles overlap by two
  return tile / kTilesInRow * 4 * kSide1 + tile % kTilesInRow * 4;
}

void transform_inputs(const float* maps, float* tiles) {
  for (int tile = 0; tile < kTiles; ++tile) {
    for (int channel = 0; channel < kChannels1; channel += kLanes) {
      const float* first = maps + first_of_tile(tile) * kChannels1 + channel;
      transform_tile<6, 6, input_line>(
          [&](int row, int column) { return load(first + (row * kSide1 + column) * kChannels1); },
          [&](int row, int column, Vec value) {
            store(tiles + ((row * 6 + column) * kTiles + tile) * kChannels1 + channel, value);
          });
    }
  }
}

inline int first_of_windows(int tile) {  // its first position in [12, 12]: a tile's 4x4 results are 2x2 windows
  return tile / kTilesInRow * 2 * kPooledSide + tile % kTilesInRow * 2;
}

// The pooled results of the second convolution after ReLU, and the position of the maximum in its window: 0..3.
void transform_outputs(const float* tiles, const float* biases, float* pooled, std::uint8_t* winner) {
  for (int tile = 0; tile < kTiles; ++tile) {
    for (int channel = 0; channel < kChannels2; channel += kLanes) {
      Vec result[4][4];  // [column][row]
      transform_tile<6, 4, output_line>(
          [&](int column, int row) {
            return load(tiles + ((row * 6 + column) * kTiles + tile) * kChannels2 + channel);
          },
          [&](int column, int row, Vec value) { result[column][row] = value; });
      const Vec bias = load(biases + channel);
      for (int window = 0; window < 4; ++window) {
        const int row = window / 2;
        const int column = window % 2;
        Vec best = result[2 * column][2 * row];
        IntVec place = {};
        for (int candidate = 1; candidate < 4; ++candidate) {
          const Vec value = result[2 * column + candidate % 2][2 * row + candidate / 2];
          // NaN counts as the maximum, as in PyTorch; otherwise a diverged run would look fine.
          const IntVec better = (value > best) | (value != value);  // NOLINT(misc-redundant-expression)
          best = better ? value : best;
          place = better ? candidate - IntVec{} : place;
        }
        best += bias;
        const int at = (first_of_windows(tile) + row * kPooledSide + column) * kChannels2 + channel;
        store(pooled + at, relu(best));
        if (winner != nullptr) store_bytes(winner + at, place);
      }
    }
  }
}

void conv_pool_forward(const float* packed, const float* image, const std::uint8_t* kept, float scale,
                       float* scratch_memory, float* pooled, std::uint8_t* winner) {
  const PackedWeights<const float> weights(packed);
  const Scratch scratch(scratch_memory);
  convolve1(weights, image, scratch.maps1);
  transform_inputs(scratch.maps1, scratch.tiles1);
  for (int place = 0; place < kPlaces; ++place) {
    multiply<kTiles, kChannels2, kChannels1, false>({scratch.tiles1 + place * kTiles * kChannels1, kChannels1, 1},
                                                    weights.weight2 + place * kChannels1 * kChannels2,
                                                    scratch.tiles2 + place * kTiles * kChannels2);
  }
  transform_outputs(scratch.tiles2, weights.bias2, scratch.pooled, winner);

  if (kept == nullptr) {
    transpose<kPixels, kChannels2>(scratch.pooled, pooled, [](Vec values, int) { return values; });
  } else {
    transpose<kPixels, kChannels2>(scratch.pooled, pooled, [&](Vec values, int index) {
      return load_bytes(kept + index) != 0 ? values * scale : Vec{};
    });
  }
}

// ---- backward

// The transformed gradients of the second convolution's results: each window's gradient is at its maximum.
void transform_output_gradients(const float* pooled_gradient, const std::uint8_t* winner, float* tiles,
                                float* bias_sums) {
  for (int channel = 0; channel < kChannels2; channel += kLanes) {
    Vec bias = load(bias_sums + channel);
    for (int tile = 0; tile < kTiles; ++tile) {
      Vec gradient[4][4];
      for (int window = 0; window < 4; ++window) {
        const int row = window / 2;
        const int column = window % 2;
        const int at = (first_of_windows(tile) + row * kPooledSide + column) * kChannels2 + channel;
        const Vec value = load(pooled_gradient + at);
        const IntVec place = load_bytes(winner + at);
        for (int candidate = 0; candidate < 4; ++candidate) {
          const Vec here = place == candidate ? value : Vec{};
          gradient[2 * row + candidate / 2][2 * column + candidate % 2] = here;
          bias += here;
        }
      }
      transform_tile<4, 6, output_gradient_line>(
          [&](int column, int row) { return gradient[row][column]; },
          [&](int column, int row, Vec value) {
            store(tiles + ((row * 6 + column) * kTiles + tile) * kChannels2 + channel, value);
          });
    }
    store(bias_sums + channel, bias);
  }
}

// The gradients of the first convolution's results: sums, because tiles overlap.
void transform_input_gradients(const float* tiles, float* maps) {
  for (int i = 0; i < kMaps1; i += kLanes) store(maps + i, Vec{});
  for (int tile = 0; tile < kTiles; ++tile) {
    for (int channel = 0; channel < kChannels1; channel += kLanes) {
      float* first = maps + first_of_tile(tile) * kChannels1 + channel;
      transform_tile<6, 6, input_gradient_line>(
          [&](int column, int row) {
            return load(tiles + ((row * 6 + column) * kTiles + tile) * kChannels1 + channel);
          },
          [&](int column, int row, Vec value) {
            float* at = first + (row * kSide1 + column) * kChannels1;
            store(at, load(at) + value);
          });
    }
  }
}

// The first convolution's weights and biases.
void add_gradients1(const float* image, const float* maps, const float* maps_gradient,
                    const PackedWeights<float>& sums) {
  for (int channel = 0; channel < kChannels1; channel += kLanes) {
    Vec taps[kTaps];
#pragma GCC unroll 9
    for (int tap = 0; tap < kTaps; ++tap) taps[tap] = load(sums.weight1 + tap * kChannels1 + channel);
    Vec bias = load(sums.bias1 + channel);
    for (int row = 0; row < kSide1; ++row) {
      for (int column = 0; column < kSide1; ++column) {
        const int at = (row * kSide1 + column) * kChannels1 + channel;
        const Vec gradient = load(maps + at) > 0 ? load(maps_gradient + at) : Vec{};
        const float* pixel = image + row * kImageSide + column;
        bias += gradient;
#pragma GCC unroll 9
        for (int tap = 0; tap < kTaps; ++tap) taps[tap] += pixel[tap / 3 * kImageSide + tap % 3] * gradient;
      }
    }
#pragma GCC unroll 9
    for (int tap = 0; tap < kTaps; ++tap) store(sums.weight1 + tap * kChannels1 + channel, taps[tap]);
    store(sums.bias1 + channel, bias);
  }
}

void conv_pool_backward(const float* packed, const float* image, const float* pooled, const std::uint8_t* winner,
                        const float* gradient, float scale, float* scratch_memory, float* sums_memory) {
  const PackedWeights<const float> weights(packed);
  const PackedWeights<float> sums(sums_memory);
  const Scratch scratch(scratch_memory);

  // A result of 0 was dropped or cut off by ReLU, so its gradient is 0.
  float* const passed = scratch.tiles2;  // [64, 12 * 12]; memory that is not used yet
  for (int i = 0; i < kPixels * kChannels2; i += kLanes) {
    store(passed + i, load(pooled + i) > 0 ? load(gradient + i) * scale : Vec{});
  }
  transpose<kChannels2, kPixels>(passed, scratch.pooled, [](Vec values, int) { return values; });
  convolve1(weights, image, scratch.maps1);
  transform_inputs(scratch.maps1, scratch.tiles1);
  transform_output_gradients(scratch.pooled, winner, scratch.tiles2, sums.bias2);
  for (int place = 0; place < kPlaces; ++place) {
    float* inputs = scratch.tiles1 + place * kTiles * kChannels1;
    const float* outputs = scratch.tiles2 + place * kTiles * kChannels2;
    multiply<kChannels1, kChannels2, kTiles, true>({inputs, 1, kChannels1}, outputs,
                                                   sums.weight2 + place * kChannels1 * kChannels2);
    // The inputs are no longer needed: their gradients overwrite them.
    multiply<kTiles, kChannels1, kChannels2, false>(
        {outputs, kChannels2, 1}, weights.weight2_transposed + place * kChannels1 * kChannels2, inputs);
  }
  transform_input_gradients(scratch.tiles1, scratch.maps1_gradient);
  add_gradients1(image, scratch.maps1, scratch.maps1_gradient, sums);
}

}  // namespace
