// The arithmetic of the kernels, for one element or row per call, without threads. nvcc compiles it for the GPU; the
// tests compile it for the CPU and compare it with LibTorch. Indices have 32 bits, because GPUs divide 64-bit integers
// slowly.
#pragma once

#include <cmath>
#include <cstdint>

#include "mnist/core/philox.hpp"
#include "mnist/device/cuda_terms.hpp"

#if defined(__CUDACC__)
#define MNIST_ELEMENT __host__ __device__ __forceinline__
#else
#define MNIST_ELEMENT inline
#endif

namespace mnist::cuda {

constexpr int kMaxChannels = 4;

struct Gather {
  const std::uint8_t* images;
  const std::int64_t* labels;
  const std::int64_t* order;
  const std::int64_t* clock;
  float* inputs;
  std::int64_t* targets;
  std::int32_t rows;
  std::int64_t batch_size;
  std::int32_t channels;
  std::int32_t pixels;  // per channel
  float mean[kMaxChannels];
  float std[kMaxChannels];
};

// Element `index` of the inputs; the first of a row writes its target.
MNIST_ELEMENT void gather(const Gather& args, std::int32_t index) {
  const std::int32_t size = args.channels * args.pixels;
  const std::int32_t row = index / size;
  const std::int32_t place = index % size;
  const std::int32_t channel = place / args.pixels;
  const std::int64_t item = args.order[args.clock[1] * args.batch_size + row];
  // The same three rounding steps as on the CPU.
  const float value = static_cast<float>(args.images[item * size + place]) / 255.0F;
  args.inputs[index] = (value - args.mean[channel]) / args.std[channel];
  if (place == 0) args.targets[row] = args.labels[item];
}

// ---- photos

constexpr int kColours = 3;

struct CropPhotos {
  const std::uint8_t* pixels;  // [3, height, width] of each photo, one after the other
  const std::int64_t* places;  // [M, kCudaPlaceColumns]
  const std::int64_t* labels;
  const std::int64_t* order;
  const std::int64_t* crops;  // [positions in the order, kCudaCropColumns]
  const std::int64_t* clock;
  float* inputs;  // [rows, height, width, 3]: channels last
  std::int64_t* targets;
  std::int32_t rows;
  std::int64_t batch_size;
  std::int32_t height;
  std::int32_t width;
  float mean[kColours];
  float std[kColours];
};

// The pixels of a line that contribute to one result of antialiased bilinear resampling. Their weights decrease from
// `centre` to zero at distance `reach`.
struct Taps {
  std::int32_t first;
  std::int32_t last;  // exclusive
  float centre;
  float reach;
};

// For result `index` of resizing a line from `from` to `to` pixels, by Pillow's rule, which PyTorch's antialias also
// uses.
MNIST_ELEMENT Taps taps(std::int32_t from, std::int32_t to, std::int32_t index) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  const float reach = scale > 1 ? scale : 1;
  const float centre = scale * (static_cast<float>(index) + 0.5F);
  const auto first = static_cast<std::int32_t>(floorf(centre - reach + 0.5F));  // may be negative
  const auto last = static_cast<std::int32_t>(floorf(centre + reach + 0.5F));
  return {first > 0 ? first : 0, last < from ? last : from, centre, reach};
}

MNIST_ELEMENT float weight(const Taps& taps, std::int32_t pixel) {
  const float distance = fabsf(static_cast<float>(pixel) + 0.5F - taps.centre) / taps.reach;
  return distance < 1 ? 1 - distance : 0;
}

// The weighted mean of value(pixel), rounded to an integer, because a CPU stores bytes between the two directions.
template <class Value>
MNIST_ELEMENT float resample(const Taps& taps, const Value& value) {
  float sum = 0;
  float total = 0;
  for (std::int32_t pixel = taps.first; pixel < taps.last; ++pixel) {
    const float w = weight(taps, pixel);
    sum += w * value(pixel);
    total += w;
  }
  return floorf(sum / total + 0.5F);
}

// Element `index` of the inputs; the first of a row writes its target.
MNIST_ELEMENT void crop_photo(const CropPhotos& args, std::int32_t index) {
  const std::int32_t size = args.height * args.width * kColours;
  const std::int32_t row = index / size;
  const std::int32_t channel = index % kColours;
  const std::int32_t x = index % size / kColours % args.width;
  const std::int32_t y = index % size / kColours / args.width;
  const std::int64_t position = args.clock[1] * args.batch_size + row;
  const std::int64_t item = args.order[position];
  const std::int64_t* const place = args.places + item * kCudaPlaceColumns;
  const std::int64_t* const crop = args.crops + position * kCudaCropColumns;
  const std::int64_t line_length = place[2];
  const std::uint8_t* const corner =
      args.pixels + place[0] + channel * place[1] * line_length + crop[0] * line_length + crop[1];
  const Taps down = taps(static_cast<std::int32_t>(crop[2]), args.height, y);
  const Taps across = taps(static_cast<std::int32_t>(crop[3]), args.width, crop[4] != 0 ? args.width - 1 - x : x);
  const float value = resample(down, [&](std::int32_t line) {
    const std::uint8_t* const pixels = corner + line * line_length;
    return resample(across, [&](std::int32_t pixel) { return static_cast<float>(pixels[pixel]); });
  });
  args.inputs[index] = (value / 255.0F - args.mean[channel]) / args.std[channel];
  if (index % size == 0) args.targets[row] = args.labels[item];
}

struct Dropped {
  const std::int64_t* clock;  // nullptr: no dropout
  PhiloxKey key;
  std::uint32_t layer;
  std::uint32_t threshold;
  float scale;
};

// Whether element `element` of row `row` is kept: the rule of model/dropout.hpp.
MNIST_ELEMENT bool kept(const Dropped& dropped, std::int32_t row, std::int32_t element) {
  if (dropped.clock == nullptr) return true;
  const PhiloxCounter words = philox({static_cast<std::uint32_t>(element / 8), static_cast<std::uint32_t>(row),
                                      static_cast<std::uint32_t>(dropped.clock[1]),
                                      static_cast<std::uint32_t>(dropped.clock[0] * 256 + dropped.layer)},
                                     dropped.key);
  const auto lane = static_cast<std::uint32_t>(element % 8);
  return ((words[lane / 2] >> (16 * (lane % 2))) & 0xFFFFU) >= dropped.threshold;
}

// Shape and strides (in elements) of x in relu_pool_dropout.
struct Pooling {
  std::int32_t count;
  std::int32_t channels;
  std::int32_t height;
  std::int32_t width;
  std::int32_t stride_n;
  std::int32_t stride_c;
  std::int32_t stride_h;
  std::int32_t stride_w;
};

struct PooledPlace {
  std::int32_t row;
  std::int32_t element;  // in [C, H/2, W/2] order
  std::int32_t corner;   // offset of its four values in x
};

// The position of thread `index` of count * C * H/2 * W/2: neighbours in memory have adjacent indices.
MNIST_ELEMENT PooledPlace pooled_place(const Pooling& shape, std::int32_t index) {
  const std::int32_t h = shape.height / 2;
  const std::int32_t w = shape.width / 2;
  std::int32_t c = 0;
  std::int32_t place = 0;  // in the plane
  const std::int32_t size = shape.channels * h * w;
  const std::int32_t row = index / size;
  const std::int32_t rest = index % size;
  if (shape.stride_c == 1) {
    c = rest % shape.channels;
    place = rest / shape.channels;
  } else {
    c = rest / (h * w);
    place = rest % (h * w);
  }
  return {row, c * h * w + place,
          row * shape.stride_n + c * shape.stride_c + place / w * 2 * shape.stride_h + place % w * 2 * shape.stride_w};
}

constexpr std::uint8_t kNone = 4;  // no value passes: all are negative, or it is dropped

MNIST_ELEMENT std::int32_t corner_offset(const Pooling& shape, int place) {
  return place / 2 * shape.stride_h + place % 2 * shape.stride_w;
}

template <class T>
MNIST_ELEMENT void relu_pool_dropout(const Pooling& shape, const Dropped& dropped, std::int32_t index, const T* x,
                                     T* pooled, std::uint8_t* winner) {
  const PooledPlace at = pooled_place(shape, index);
  float best = static_cast<float>(x[at.corner]);
  std::uint8_t place = 0;
  for (int i = 1; i < 4; ++i) {
    const auto value = static_cast<float>(x[at.corner + corner_offset(shape, i)]);
    // The first of equal values, and NaN, as in max_pool2d.
    if (value > best || value != value) {
      best = value;
      place = static_cast<std::uint8_t>(i);
    }
  }
  if (best <= 0 || !kept(dropped, at.row, at.element)) {
    best = 0;
    place = kNone;
  }
  const std::int32_t out = at.row * (shape.channels * shape.height / 2 * (shape.width / 2)) + at.element;
  pooled[out] = static_cast<T>(best * dropped.scale);
  winner[out] = place;
}

template <class T>
MNIST_ELEMENT void relu_pool_dropout_backward(const Pooling& shape, float scale, std::int32_t index, const T* gradient,
                                              const std::uint8_t* winner, T* gradient_x) {
  const PooledPlace at = pooled_place(shape, index);
  const std::int32_t in = at.row * (shape.channels * shape.height / 2 * (shape.width / 2)) + at.element;
  for (int i = 0; i < 4; ++i) {
    const float value = winner[in] == i ? static_cast<float>(gradient[in]) * scale : 0.0F;
    gradient_x[at.corner + corner_offset(shape, i)] = static_cast<T>(value);
  }
}

template <class T>
MNIST_ELEMENT void relu_dropout(const Dropped& dropped, std::int32_t columns, std::int32_t index, const T* x,
                                T* result) {
  const auto value = static_cast<float>(x[index]);
  const bool passes = !(value <= 0) && kept(dropped, index / columns, index % columns);
  result[index] = static_cast<T>(passes ? value * dropped.scale : 0.0F);
}

template <class T>
MNIST_ELEMENT void relu_dropout_backward(float scale, std::int32_t index, const T* gradient, const T* result,
                                         T* gradient_x) {
  const bool passed = static_cast<float>(result[index]) != 0;
  gradient_x[index] = static_cast<T>(passed ? static_cast<float>(gradient[index]) * scale : 0.0F);
}

struct RowLoss {
  float loss;
  float correct;
};

// For row `row` of `rows`: its loss, whether the prediction is correct, and the gradient of the mean over the rows.
template <class T>
MNIST_ELEMENT RowLoss loss_row(std::int32_t rows, std::int32_t classes, std::int32_t row, const T* logits,
                               const std::int64_t* targets, T* gradient) {
  const T* const x = logits + row * classes;
  const std::int64_t target = targets[row];
  float largest = static_cast<float>(x[0]);
  std::int32_t guess = 0;
  for (std::int32_t c = 1; c < classes; ++c) {
    const auto value = static_cast<float>(x[c]);
    if (value > largest) {
      largest = value;
      guess = c;
    }
  }
  float sum = 0;
  for (std::int32_t c = 0; c < classes; ++c) sum += expf(static_cast<float>(x[c]) - largest);
  const float log_sum = logf(sum);  // not added to the largest logit: the sum would lose precision
  for (std::int32_t c = 0; c < classes; ++c) {
    const float probability = expf(static_cast<float>(x[c]) - largest - log_sum);
    gradient[row * classes + c] =
        static_cast<T>((probability - (c == target ? 1.0F : 0.0F)) / static_cast<float>(rows));
  }
  return {log_sum - (static_cast<float>(x[target]) - largest), guess == target ? 1.0F : 0.0F};
}

// The coefficients of an update rule in one step, rounded to float. `rest...` is 1 minus the corresponding decay,
// computed before rounding.
struct UpdateStep {
  CudaUpdateRule rule;
  float lr;            // adam: divided by the first correction
  float correction2;   // adam: root of the second correction
  float weight_decay;  // added to the gradient
  float keep;          // factor of the parameter: adamw's decoupled decay
  float decay1, rest1, decay2, rest2, eps;
};

// `rate`: a row of the rate table.
MNIST_ELEMENT UpdateStep update_step(const CudaUpdate& update, const double* rate) {
  const bool decoupled = update.rule == CudaUpdateRule::adamw;
  return {update.rule,
          static_cast<float>(rate[0] / rate[1]),
          static_cast<float>(rate[2]),
          static_cast<float>(decoupled ? 0 : update.weight_decay),
          static_cast<float>(decoupled ? 1 - rate[0] * update.weight_decay : 1),
          static_cast<float>(update.decay1),
          static_cast<float>(1 - update.decay1),
          static_cast<float>(update.decay2),
          static_cast<float>(1 - update.decay2),
          static_cast<float>(update.eps)};
}

// Updates element `i` of a part.
MNIST_ELEMENT void update(const UpdateStep& step, const CudaUpdatePart& part, std::int64_t i) {
  float& parameter = part.parameter[i];
  float gradient = part.gradient[i] + step.weight_decay * parameter;
  switch (step.rule) {
    case CudaUpdateRule::adadelta: {
      float& square_avg = part.state1[i];
      float& acc_delta = part.state2[i];
      square_avg = square_avg * step.decay1 + gradient * gradient * step.rest1;
      const float delta = sqrtf(acc_delta + step.eps) / sqrtf(square_avg + step.eps) * gradient;
      acc_delta = acc_delta * step.decay1 + delta * delta * step.rest1;
      parameter -= step.lr * delta;
      break;
    }
    case CudaUpdateRule::sgd:
      // The momentum is zero before the first step, so the first step sets it to the gradient.
      if (part.state1 != nullptr) gradient = part.state1[i] = part.state1[i] * step.decay1 + gradient;
      parameter -= step.lr * gradient;
      break;
    case CudaUpdateRule::adam:
    case CudaUpdateRule::adamw: {
      float& exp_avg = part.state1[i];
      float& exp_avg_sq = part.state2[i];
      exp_avg += (gradient - exp_avg) * step.rest1;
      exp_avg_sq = exp_avg_sq * step.decay2 + gradient * gradient * step.rest2;
      parameter = step.keep * parameter - step.lr * exp_avg / (sqrtf(exp_avg_sq) / step.correction2 + step.eps);
      break;
    }
  }
}

}  // namespace mnist::cuda
