// The CNN's convolutions, ReLUs, max-pool and first dropout as one operator with a gradient, on `kernels`: four times
// as fast as LibTorch's operators one after the other, and what lies between them takes no memory.
#pragma once

#include <torch/types.h>

#include "mnist/kernels/kernels.hpp"
#include "mnist/model/dropout.hpp"

namespace mnist {

struct ConvPoolWeights {
  torch::Tensor weight1;  // [32, 1, 3, 3]
  torch::Tensor bias1;    // [32]
  torch::Tensor weight2;  // [64, 32, 3, 3]
  torch::Tensor bias2;    // [64]
};

// Whether `apply_conv_pool` can be called: floats on the CPU of the CNN's sizes, and no gradient by the images.
bool conv_pool_takes(const torch::Tensor& images, const ConvPoolWeights& weights);

// `images`: [N, 1, 28, 28]. Returns [N, 9216], the elements of an image in the order of [64, 12, 12].
torch::Tensor apply_conv_pool(const Kernels& kernels, const torch::Tensor& images, const ConvPoolWeights& weights,
                              const DropoutLayer& dropout);

}  // namespace mnist
