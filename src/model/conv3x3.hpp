// A 3x3 convolution with padding 1 and without bias: PyTorch's Conv2d, up to twice as fast on a CPU where `kernels`
// compute it. Not for second derivatives, and one object not for several threads at once.
#pragma once

#include <torch/nn/modules/conv.h>

#include "mnist/kernels/kernels.hpp"

namespace mnist {

class Conv3x3 : public torch::nn::Conv2dImpl {
 public:
  Conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride = 1);

  // [N, in, H, W] to [N, out, H / stride, W / stride], rounded up. `kernels`: nullptr, or what may be used on a CPU for
  // floats in channels last outside of autocast, of stride 1, 64, 128, 192 or 256 channels and enough pixels; beyond,
  // the transformed weights take more time to make and load than the products save. `forward` is LibTorch's alone.
  torch::Tensor convolve(const torch::Tensor& inputs, const Kernels* kernels);

 private:
  // `weight` as `kernels` read it; kept while it does not change, which is known of weights that are not trained.
  torch::Tensor packed_weight(const Kernels& kernels);

  struct PackedState {
    const Kernels* kernels = nullptr;
    const void* weight = nullptr;
    std::int64_t version = 0;
    bool operator==(const PackedState&) const = default;
  };
  torch::Tensor packed_;
  PackedState packed_state_;
};

}  // namespace mnist
