// 3x3 convolutions of stride 1 and padding 1 by Winograd's F(4x4, 3x3). See mnist/kernels/kernels.hpp.
//
// A few dozen tiles at a time are transformed, multiplied and transformed back, so that intermediate results stay in
// the cache: 36 matrices, one for each element of the 6x6 tile, [36][tiles, channels].
#pragma once

#include "mnist/kernels/kernels.hpp"

#include "matrix.hpp"
#include "transpose.hpp"
#include "winograd.hpp"

namespace {

using mnist::conv3x3::kTilesAtOnce;
using mnist::conv3x3::Shape;

static_assert(mnist::conv3x3::kChannels % kPanel == 0 && kTilesAtOnce % kPanelRows == 0);

// Floats from one matrix of a transformed tensor to the next. Not a power of two, because then all matrices would map
// to the same cache sets.
inline int place_stride(int channels) {
  return kTilesAtOnce * channels + kLanes;
}
static_assert(kPlaces == mnist::conv3x3::kPlaces && kLanes <= mnist::conv3x3::kGap);

// The pixel indices, in all images, of the square of `side` that starts `before` pixels above and left of a tile's
// results; -1: outside the image.
inline void pixels_of_tile(const Shape& shape, std::int64_t tile, int side, int before, std::int64_t* pixels) {
  const int across = (shape.width + 3) / 4;  // not `tiles_along`: see vec.hpp
  const int in_image = (shape.height + 3) / 4 * across;
  const std::int64_t image = tile / in_image;
  const int first_row = static_cast<int>(tile % in_image) / across * 4 - before;
  const int first_column = static_cast<int>(tile % in_image) % across * 4 - before;
  for (int i = 0; i < side * side; ++i) {
    const int row = first_row + i / side;
    const int column = first_column + i % side;
    const bool inside = row >= 0 && row < shape.height && column >= 0 && column < shape.width;
    pixels[i] = inside ? (image * shape.height + row) * shape.width + column : -1;
  }
}

inline Vec load_pixel(const float* values, std::int64_t pixel, int channels, int channel) {
  return pixel < 0 ? Vec{} : load(values + pixel * channels + channel);
}

// Calls work(begin, count) for parts of nearly equal size of the tiles begin .. end-1.
template <class Work>
inline void in_blocks(std::int64_t begin, std::int64_t end, const Work& work) {
  const std::int64_t blocks = (end - begin + kTilesAtOnce - 1) / kTilesAtOnce;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t first = begin + (end - begin) * block / blocks;
    work(first, static_cast<int>(begin + (end - begin) * (block + 1) / blocks - first));
  }
}

// ---- weights

// Transforms a register of kernels: tap(i) returns tap i of each kernel; to(place, value) stores the results.
template <class Tap, class To>
inline void transform_kernels(const Tap& tap, const To& to) {
  transform_tile<3, 6, weight_line>([&](int column, int row) { return tap(3 * row + column); },
                                    [&](int column, int row, Vec value) { to(row * 6 + column, value); });
}

// The layout of weights for the matrix products: [36][columns / kPanel][rows, kPanel].
inline float* at_panel(float* packed, int rows, int columns, int place, int row, int column) {
  return packed + (static_cast<std::int64_t>(place) * columns + column / kPanel * kPanel) * rows + row * kPanel +
         column % kPanel;
}

// From inputs to outputs.
void pack_conv3x3(int ins, int outs, int begin, int end, const float* weight, float* packed) {
  for (int out = begin; out < end; out += kLanes) {
    for (int in = 0; in < ins; in += kLanes) {
      Vec squares[kPlaces][kLanes];
      for (int lane = 0; lane < kLanes; ++lane) {
        transform_kernels([&](int tap) { return load(weight + ((out + lane) * 9 + tap) * ins + in); },
                          [&](int place, Vec value) { squares[place][lane] = value; });
      }
      for (int place = 0; place < kPlaces; ++place) {
        transpose_square<1>(squares[place]);
        for (int lane = 0; lane < kLanes; ++lane) {
          store(at_panel(packed, ins, outs, place, in + lane, out), squares[place][lane]);
        }
      }
    }
  }
}

// From the outputs' gradients to the inputs' gradients: the same convolution with kernels rotated by 180 degrees.
void pack_conv3x3_backward(int ins, int outs, int begin, int end, const float* weight, float* packed) {
  for (int out = begin; out < end; ++out) {
    for (int in = 0; in < ins; in += kLanes) {
      transform_kernels([&](int tap) { return load(weight + (out * 9 + 8 - tap) * ins + in); },
                        [&](int place, Vec value) { store(at_panel(packed, outs, ins, place, out, in), value); });
    }
  }
}

void unpack_conv3x3(int ins, int outs, int begin, int end, const float* sums, float* weight_gradient) {
  const std::int64_t stride = static_cast<std::int64_t>(outs) * ins;
  for (int out = begin; out < end; ++out) {
    for (int in = 0; in < ins; in += kLanes) {
      transform_tile<6, 3, weight_gradient_line>(
          [&](int column, int row) { return load(sums + (row * 6 + column) * stride + out * ins + in); },
          [&](int column, int row, Vec value) {
            store(weight_gradient + (out * 9 + row * 3 + column) * ins + in, value);
          });
    }
  }
}

// ---- images

// Zeros for the padding tiles in the last rows of a product.
inline void fill_up(int channels, int count, float* tiles) {
  const int rows = (count + kPanelRows - 1) / kPanelRows * kPanelRows;
  for (int place = 0; place < kPlaces; ++place) {
    float* const matrix = tiles + place * place_stride(channels);
    for (int i = count * channels; i < rows * channels; i += kLanes) store(matrix + i, Vec{});
  }
}

void transform_images(const Shape& shape, int channels, const float* images, std::int64_t first, int count,
                      float* tiles) {
  const int stride = place_stride(channels);
  for (int tile = 0; tile < count; ++tile) {
    std::int64_t pixels[kPlaces];
    pixels_of_tile(shape, first + tile, 6, 1, pixels);
    for (int channel = 0; channel < channels; channel += kLanes) {
      transform_tile<6, 6, input_line>(
          [&](int row, int column) { return load_pixel(images, pixels[row * 6 + column], channels, channel); },
          [&](int row, int column, Vec value) {
            store(tiles + (row * 6 + column) * stride + tile * channels + channel, value);
          });
    }
  }
}

void transform_results(const Shape& shape, int channels, const float* tiles, std::int64_t first, int count,
                       float* results) {
  const int stride = place_stride(channels);
  for (int tile = 0; tile < count; ++tile) {
    std::int64_t pixels[16];
    pixels_of_tile(shape, first + tile, 4, 0, pixels);
    for (int channel = 0; channel < channels; channel += kLanes) {
      transform_tile<6, 4, output_line>(
          [&](int column, int row) { return load(tiles + (row * 6 + column) * stride + tile * channels + channel); },
          [&](int column, int row, Vec value) {
            const std::int64_t pixel = pixels[row * 4 + column];
            if (pixel >= 0) store(results + pixel * channels + channel, value);
          });
    }
  }
}

void transform_result_gradients(const Shape& shape, int channels, const float* gradients, std::int64_t first, int count,
                                float* tiles) {
  const int stride = place_stride(channels);
  for (int tile = 0; tile < count; ++tile) {
    std::int64_t pixels[16];
    pixels_of_tile(shape, first + tile, 4, 0, pixels);
    for (int channel = 0; channel < channels; channel += kLanes) {
      transform_tile<4, 6, output_gradient_line>(
          [&](int column, int row) { return load_pixel(gradients, pixels[row * 4 + column], channels, channel); },
          [&](int column, int row, Vec value) {
            store(tiles + (row * 6 + column) * stride + tile * channels + channel, value);
          });
    }
  }
}

void conv3x3(const Shape& shape, const float* packed, const float* images, std::int64_t begin, std::int64_t end,
             float* scratch, float* results) {
  const int in_stride = place_stride(shape.in);
  const int out_stride = place_stride(shape.out);
  float* const in_tiles = scratch;
  float* const out_tiles = scratch + kPlaces * in_stride;
  in_blocks(begin, end, [&](std::int64_t first, int count) {
    transform_images(shape, shape.in, images, first, count, in_tiles);
    fill_up(shape.in, count, in_tiles);
    for (int place = 0; place < kPlaces; ++place) {
      for (int column = 0; column < shape.out; column += kPanel) {
        const float* panel = packed + (static_cast<std::int64_t>(place) * shape.out + column) * shape.in;
        for (int row = 0; row < count; row += kPanelRows) {
          multiply_block<kPanelRows, kPanelVecs, false>(
              {in_tiles + place * in_stride + row * shape.in, shape.in, 1}, panel, kPanel, shape.in,
              out_tiles + place * out_stride + row * shape.out + column, shape.out);
        }
      }
    }
    transform_results(shape, shape.out, out_tiles, first, count, results);
  });
}

void conv3x3_weight_gradient(const Shape& shape, const float* images, const float* gradients, std::int64_t begin,
                             std::int64_t end, float* scratch, float* sums) {
  constexpr int kRows = 4;
  const int in_stride = place_stride(shape.in);
  const int out_stride = place_stride(shape.out);
  float* const in_tiles = scratch;
  float* const out_tiles = scratch + kPlaces * in_stride;
  in_blocks(begin, end, [&](std::int64_t first, int count) {
    transform_images(shape, shape.in, images, first, count, in_tiles);
    transform_result_gradients(shape, shape.out, gradients, first, count, out_tiles);
    for (int place = 0; place < kPlaces; ++place) {
      float* const sum = sums + static_cast<std::int64_t>(place) * shape.out * shape.in;
      for (int column = 0; column < shape.in; column += kPanel) {
        for (int row = 0; row < shape.out; row += kRows) {
          multiply_block<kRows, kPanelVecs, true>({out_tiles + place * out_stride + row, 1, shape.out},
                                                  in_tiles + place * in_stride + column, shape.in, count,
                                                  sum + row * shape.in + column, shape.in);
        }
      }
    }
  });
}

}  // namespace
