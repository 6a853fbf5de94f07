// A 3x3 convolution with padding 1 and without bias, like PyTorch's Conv2d, but up to twice as fast on a CPU if
// `kernels` support it. Not for second derivatives; not thread-safe.
#pragma once

#include <torch/nn/modules/conv.h>

#include "mnist/kernels/kernels.hpp"

#include "packed_weights.hpp"

namespace mnist {

class Conv3x3 : public torch::nn::Conv2dImpl {
 public:
  Conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride = 1);

  // [N, in, H, W] to [N, out, H / stride, W / stride], rounded up. `kernels`: nullptr, or kernels for a CPU. They are
  // used for floats in channels last, outside of autocast, with stride 1, 64, 128, 192 or 256 channels and enough
  // pixels; otherwise transforming the weights would take more time than the products save. `forward` uses LibTorch
  // only.
  torch::Tensor convolve(const torch::Tensor& inputs, const Kernels* kernels);

 private:
  PackedWeights packed_;
};

}  // namespace mnist
