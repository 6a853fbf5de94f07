// Common parts of the networks for photos.
#pragma once

#include <optional>

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/nn/modules/conv.h>

#include "mnist/kernels/kernels.hpp"

namespace mnist {

// While it lives, a CPU that is slower in bf16 computes in fp32, if `kernels` may be used.
class WithoutSlowBf16 {
 public:
  explicit WithoutSlowBf16(const Kernels* kernels);

 private:
  std::optional<c10::impl::ExcludeDispatchKeyGuard> without_autocast_;
};

// A convolution with "same" padding, apart from its stride. It has no bias, because a BatchNorm follows.
torch::nn::Conv2d unbiased_convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                       std::int64_t groups = 1);

// Initialises the weights of all convolutions in `network` again, like torchvision (Kaiming normal, fan-out), sets
// their biases to zero, and converts them to channels last.
void draw_convolutions(torch::nn::Module& network);

}  // namespace mnist
