// Weights in the form that kernels read, kept as long as the weights are not trained and stay the same: to make that
// form anew takes long beside a forward pass for one image. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <torch/types.h>

#include "mnist/kernels/kernels.hpp"

namespace mnist {

class PackedWeights {
 public:
  // Returns what `pack` returned for these weights and kernels. `pack` is called again if a weight needs a gradient,
  // lies elsewhere or was changed by LibTorch.
  torch::Tensor get(const Kernels& kernels, const std::vector<torch::Tensor>& weights,
                    const std::function<torch::Tensor()>& pack);

 private:
  struct Weight {
    const void* values;
    std::int64_t version;
    bool operator==(const Weight&) const = default;
  };

  torch::Tensor packed_;
  const Kernels* kernels_ = nullptr;
  std::vector<Weight> weights_;  // of which `packed_` was made
};

}  // namespace mnist
