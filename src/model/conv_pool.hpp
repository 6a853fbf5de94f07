// The CNN's convolutions, ReLUs, max-pool and first dropout as one differentiable operator that uses `kernels`. It is
// four times as fast as the sequence of LibTorch's operators and needs no memory for intermediate results.
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

// Whether `apply_conv_pool` supports the arguments: floats on the CPU with the CNN's sizes, and no gradient with
// respect to the images.
bool conv_pool_takes(const torch::Tensor& images, const ConvPoolWeights& weights);

// The weights in the form that the kernels read.
torch::Tensor packed_conv_pool(const Kernels& kernels, const ConvPoolWeights& weights);

// `images`: [N, 1, 28, 28]; `packed`: of these weights. Returns [N, 9216], the elements of an image in the order of
// [64, 12, 12].
torch::Tensor apply_conv_pool(const Kernels& kernels, const torch::Tensor& images, const ConvPoolWeights& weights,
                              const torch::Tensor& packed, const DropoutLayer& dropout);

}  // namespace mnist
