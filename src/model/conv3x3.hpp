// A 3x3 convolution with padding 1 and without bias: PyTorch's Conv2d, twice as fast on a CPU where `kernels` compute
// it.
#pragma once

#include <torch/nn/modules/conv.h>

#include "mnist/kernels/kernels.hpp"

namespace mnist {

class Conv3x3 : public torch::nn::Conv2dImpl {
 public:
  Conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride = 1);

  // [N, in, H, W] to [N, out, H / stride, W / stride]. `kernels`: nullptr, or what may be used for floats in channels
  // last on a CPU, of stride 1 and at most 256 channels: beyond, the transformed weights take more time to load than
  // the products save.
  torch::Tensor apply(const torch::Tensor& inputs, const Kernels* kernels);

 private:
  // `weight` as `kernels` read it; kept while it does not change, which is known of weights that are not trained.
  torch::Tensor packed(const Kernels& kernels);

  torch::Tensor packed_;
  const Kernels* packed_for_ = nullptr;
  std::uint32_t packed_version_ = 0;
};

}  // namespace mnist
