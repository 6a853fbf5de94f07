// A fully connected layer, like PyTorch's Linear, but faster for small batches on a CPU with weights that are not
// trained if `kernels` support it: LibTorch's operator brings the weights into another order for each batch. Not
// thread-safe.
#pragma once

#include <torch/nn/modules/linear.h>

#include "mnist/kernels/kernels.hpp"

#include "packed_weights.hpp"

namespace mnist {

class Dense : public torch::nn::LinearImpl {
 public:
  Dense(std::int64_t in, std::int64_t out);

  // [N, in] to [N, out]. `kernels`: nullptr, or kernels for a CPU. They are used for floats, outside of autocast, if
  // neither the weights nor the inputs need a gradient and `out` is a multiple of 64; otherwise, as by `forward`,
  // LibTorch.
  torch::Tensor apply(const torch::Tensor& inputs, const Kernels* kernels);

 private:
  PackedWeights packed_;
};

}  // namespace mnist
