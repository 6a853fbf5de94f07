#include "packed_weights.hpp"

#include <algorithm>
#include <utility>

namespace mnist {

torch::Tensor PackedWeights::get(const Kernels& kernels, const std::vector<torch::Tensor>& weights,
                                 const std::function<torch::Tensor()>& pack) {
  const bool fixed = std::ranges::none_of(
      weights, [](const torch::Tensor& weight) { return weight.requires_grad() || weight.is_inference(); });
  if (!fixed) {
    packed_ = torch::Tensor();
    return pack();
  }
  std::vector<Weight> now;
  now.reserve(weights.size());
  for (const torch::Tensor& weight : weights) now.push_back({weight.const_data_ptr(), weight._version()});
  if (!packed_.defined() || kernels_ != &kernels || weights_ != now) {
    packed_ = pack();
    kernels_ = &kernels;
    weights_ = std::move(now);
  }
  return packed_;
}

}  // namespace mnist
