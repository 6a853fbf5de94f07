// What the networks for photos have in common.
#pragma once

#include <optional>

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/nn/modules/conv.h>

#include "mnist/kernels/kernels.hpp"

namespace mnist {

// As long as it lives, and where `kernels` may be used, a CPU that is slower in bf16 computes in fp32.
class WithoutSlowBf16 {
 public:
  explicit WithoutSlowBf16(const Kernels* kernels);

 private:
  std::optional<c10::impl::ExcludeDispatchKeyGuard> without_autocast_;
};

// A convolution that keeps the size but for its stride. Without a bias: a BatchNorm follows, which makes it pointless.
torch::nn::Conv2d unbiased_convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                       std::int64_t groups = 1);

// Draws the weights of all convolutions in `network` anew, as torchvision does at the end (He's normal ones by the
// outputs), sets their biases to zero, and lays them out channels last.
void draw_convolutions(torch::nn::Module& network);

}  // namespace mnist
