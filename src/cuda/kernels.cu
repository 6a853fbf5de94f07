#include <algorithm>
#include <cuda_bf16.h>
#include <type_traits>

#include "kernels.hpp"

namespace mnist::cuda {
namespace {

constexpr int kThreads = 256;

int blocks(std::int64_t count) {
  return static_cast<int>((count + kThreads - 1) / kThreads);
}

__device__ std::int32_t thread_index() {
  return static_cast<std::int32_t>(blockIdx.x * blockDim.x + threadIdx.x);
}

__global__ void gather_kernel(Gather args) {
  const std::int32_t index = thread_index();
  if (index < args.rows * args.channels * args.pixels) gather(args, index);
}

__global__ void crop_photos_kernel(CropPhotos args) {
  const std::int32_t index = thread_index();
  if (index < args.rows * args.height * args.width * kColours) crop_photo(args, index);
}

template <class T>
__global__ void relu_pool_dropout_kernel(Pooling shape, Dropped dropped, std::int32_t count, const T* x, T* pooled,
                                         std::uint8_t* winner) {
  const std::int32_t index = thread_index();
  if (index < count) relu_pool_dropout(shape, dropped, index, x, pooled, winner);
}

template <class T>
__global__ void relu_pool_dropout_backward_kernel(Pooling shape, float scale, std::int32_t count, const T* gradient,
                                                  const std::uint8_t* winner, T* gradient_x) {
  const std::int32_t index = thread_index();
  if (index < count) relu_pool_dropout_backward(shape, scale, index, gradient, winner, gradient_x);
}

template <class T>
__global__ void relu_dropout_kernel(Dropped dropped, std::int32_t count, std::int32_t columns, const T* x, T* result) {
  const std::int32_t index = thread_index();
  if (index < count) relu_dropout(dropped, columns, index, x, result);
}

template <class T>
__global__ void relu_dropout_backward_kernel(float scale, std::int32_t count, const T* gradient, const T* result,
                                             T* gradient_x) {
  const std::int32_t index = thread_index();
  if (index < count) relu_dropout_backward(scale, index, gradient, result, gradient_x);
}

// Uses one block: each thread sums its rows, then the threads' sums are added in a fixed order, so that the result is
// deterministic.
template <class T>
__global__ void loss_kernel(std::int32_t rows, std::int32_t classes, const T* logits, const std::int64_t* targets,
                            const std::int64_t* clock, T* gradient, float* losses, float* correct) {
  __shared__ float loss[kThreads];
  __shared__ float right[kThreads];
  const auto thread = static_cast<std::int32_t>(threadIdx.x);
  RowLoss sum = {0, 0};
  for (std::int32_t row = thread; row < rows; row += kThreads) {
    const RowLoss one = loss_row(rows, classes, row, logits, targets, gradient);
    sum.loss += one.loss;
    sum.correct += one.correct;
  }
  loss[thread] = sum.loss;
  right[thread] = sum.correct;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half) {
      loss[thread] += loss[thread + half];
      right[thread] += right[thread + half];
    }
  }
  if (thread == 0) {
    losses[clock[1]] = loss[0] / static_cast<float>(rows);
    correct[clock[1]] = right[0];
  }
}

// The maximum number of parts per launch: kernel arguments must fit into 4 KiB.
constexpr int kMaxParts = 64;
constexpr std::int64_t kBlockElements = 2048;  // elements of a part that one block updates

struct Parts {
  CudaUpdatePart part[kMaxParts];
  std::int32_t first_block[kMaxParts + 1];  // of each part; the last entry: total number of blocks
};

__global__ void update_kernel(CudaUpdate rule, Parts parts, const double* rates, const std::int64_t* clock) {
  const auto block = static_cast<std::int32_t>(blockIdx.x);
  int number = 0;
  while (block >= parts.first_block[number + 1]) ++number;
  const CudaUpdatePart& part = parts.part[number];
  const UpdateStep step = update_step(rule, rates + clock[1] * kCudaRateColumns);
  const std::int64_t begin = (block - parts.first_block[number]) * kBlockElements;
  const std::int64_t end = min(begin + kBlockElements, part.count);
  for (std::int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) update(step, part, i);
}

__global__ void advance_kernel(std::int64_t* clock) {
  ++clock[1];
}

// Calls launch(pointer of the type) for the type.
template <class Launch>
cudaError_t of_type(Type type, const Launch& launch) {
  if (type == Type::bf16) {
    launch(static_cast<__nv_bfloat16*>(nullptr));
  } else {
    launch(static_cast<float*>(nullptr));
  }
  return cudaGetLastError();
}

std::int32_t pooled_count(const Pooling& shape) {
  return shape.count * shape.channels * (shape.height / 2) * (shape.width / 2);
}

}  // namespace

cudaError_t launch_gather(const Gather& args, cudaStream_t stream) {
  gather_kernel<<<blocks(std::int64_t{args.rows} * args.channels * args.pixels), kThreads, 0, stream>>>(args);
  return cudaGetLastError();
}

cudaError_t launch_crop_photos(const CropPhotos& args, cudaStream_t stream) {
  const int count = blocks(std::int64_t{args.rows} * args.height * args.width * kColours);
  crop_photos_kernel<<<count, kThreads, 0, stream>>>(args);
  return cudaGetLastError();
}

cudaError_t launch_relu_pool_dropout(Type type, const Pooling& shape, const Dropped& dropped, const void* x,
                                     void* pooled, std::uint8_t* winner, cudaStream_t stream) {
  const std::int32_t count = pooled_count(shape);
  return of_type(type, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    relu_pool_dropout_kernel<<<blocks(count), kThreads, 0, stream>>>(shape, dropped, count, static_cast<const T*>(x),
                                                                     static_cast<T*>(pooled), winner);
  });
}

cudaError_t launch_relu_pool_dropout_backward(Type type, const Pooling& shape, float scale, const void* gradient,
                                              const std::uint8_t* winner, void* gradient_x, cudaStream_t stream) {
  const std::int32_t count = pooled_count(shape);
  return of_type(type, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    relu_pool_dropout_backward_kernel<<<blocks(count), kThreads, 0, stream>>>(
        shape, scale, count, static_cast<const T*>(gradient), winner, static_cast<T*>(gradient_x));
  });
}

cudaError_t launch_relu_dropout(Type type, const Dropped& dropped, std::int32_t rows, std::int32_t columns,
                                const void* x, void* result, cudaStream_t stream) {
  const std::int32_t count = rows * columns;
  return of_type(type, [&](auto* of) {
    using T = std::remove_pointer_t<decltype(of)>;
    relu_dropout_kernel<<<blocks(count), kThreads, 0, stream>>>(dropped, count, columns, static_cast<const T*>(x),
                                                                static_cast<T*>(result));
  });
}

cudaError_t launch_relu_dropout_backward(Type type, float scale, std::int32_t count, const void* gradient,
                                         const void* result, void* gradient_x, cudaStream_t stream) {
  return of_type(type, [&](auto* of) {
    using T = std::remove_pointer_t<decltype(of)>;
    relu_dropout_backward_kernel<<<blocks(count), kThreads, 0, stream>>>(
        scale, count, static_cast<const T*>(gradient), static_cast<const T*>(result), static_cast<T*>(gradient_x));
  });
}

cudaError_t launch_loss(Type type, std::int32_t rows, std::int32_t classes, const void* logits,
                        const std::int64_t* targets, const std::int64_t* clock, void* gradient, float* losses,
                        float* correct, cudaStream_t stream) {
  return of_type(type, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    loss_kernel<<<1, kThreads, 0, stream>>>(rows, classes, static_cast<const T*>(logits), targets, clock,
                                            static_cast<T*>(gradient), losses, correct);
  });
}

cudaError_t launch_update(const CudaUpdate& update, const std::vector<CudaUpdatePart>& parts, const double* rates,
                          const std::int64_t* clock, cudaStream_t stream) {
  for (std::size_t first = 0; first < parts.size(); first += kMaxParts) {
    const std::size_t count = std::min<std::size_t>(kMaxParts, parts.size() - first);
    Parts launched = {};
    for (std::size_t i = 0; i < count; ++i) {
      const CudaUpdatePart& part = launched.part[i] = parts[first + i];
      launched.first_block[i + 1] =
          launched.first_block[i] + static_cast<std::int32_t>((part.count + kBlockElements - 1) / kBlockElements);
    }
    update_kernel<<<launched.first_block[count], kThreads, 0, stream>>>(update, launched, rates, clock);
  }
  return cudaGetLastError();
}

cudaError_t launch_advance(std::int64_t* clock, cudaStream_t stream) {
  advance_kernel<<<1, 1, 0, stream>>>(clock);
  return cudaGetLastError();
}

}  // namespace mnist::cuda
