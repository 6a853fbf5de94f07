// Functions that launch the kernels. They take pointers to GPU memory and a stream, and do not use LibTorch. Each one
// submits its work to the stream and returns the launch error.
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

// Writes the mean loss and the number of correct rows to losses[clock[1]] and correct[clock[1]].
cudaError_t launch_loss(Type type, std::int32_t rows, std::int32_t classes, const void* logits,
                        const std::int64_t* targets, const std::int64_t* clock, void* gradient, float* losses,
                        float* correct, cudaStream_t stream);

// `rates`: rows of kCudaRateColumns; uses row clock[1].
cudaError_t launch_update(const CudaUpdate& update, const std::vector<CudaUpdatePart>& parts, const double* rates,
                          const std::int64_t* clock, cudaStream_t stream);

cudaError_t launch_advance(std::int64_t* clock, cudaStream_t stream);

}  // namespace mnist::cuda
