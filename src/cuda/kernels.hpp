// The kernels' launchers: pointers to the GPU's memory and a stream in, nothing of LibTorch. Each puts its work into
// the stream and returns what the launch said.
#pragma once

#include <cuda_runtime_api.h>
#include <vector>

#include "mnist/device/cuda_terms.hpp"

#include "elements.hpp"

namespace mnist::cuda {

enum class Type { fp32, bf16 };

cudaError_t launch_gather(const Gather& args, cudaStream_t stream);

cudaError_t launch_crop_photos(const CropPhotos& args, cudaStream_t stream);

cudaError_t launch_relu_pool_dropout(Type type, const Pooling& shape, const Dropped& dropped, const void* x,
                                     void* pooled, std::uint8_t* winner, cudaStream_t stream);
cudaError_t launch_relu_pool_dropout_backward(Type type, const Pooling& shape, float scale, const void* gradient,
                                              const std::uint8_t* winner, void* gradient_x, cudaStream_t stream);

cudaError_t launch_relu_dropout(Type type, const Dropped& dropped, std::int32_t rows, std::int32_t columns,
                                const void* x, void* result, cudaStream_t stream);
cudaError_t launch_relu_dropout_backward(Type type, float scale, std::int32_t count, const void* gradient,
                                         const void* result, void* gradient_x, cudaStream_t stream);

// losses[clock[1]] and correct[clock[1]] get the mean loss and the number of rows that are right.
cudaError_t launch_loss(Type type, std::int32_t rows, std::int32_t classes, const void* logits,
                        const std::int64_t* targets, const std::int64_t* clock, void* gradient, float* losses,
                        float* correct, cudaStream_t stream);

// `rates`: rows of kCudaRateColumns, of which row clock[1] is used.
cudaError_t launch_update(const CudaUpdate& update, const std::vector<CudaUpdatePart>& parts, const double* rates,
                          const std::int64_t* clock, cudaStream_t stream);

cudaError_t launch_advance(std::int64_t* clock, cudaStream_t stream);

}  // namespace mnist::cuda
