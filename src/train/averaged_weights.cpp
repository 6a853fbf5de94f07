#include "mnist/train/averaged_weights.hpp"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "mnist/core/error.hpp"

namespace mnist {

AveragedWeights::AveragedWeights(NamedTensors values, double decay) : decay_(decay), values_(std::move(values)) {
  for (auto& [name, value] : values_) {
    value = value.detach();
    averages_.emplace_back(name, value.clone());
  }
}

void AveragedWeights::update(std::int64_t step) {
  const c10::AutoGradMode no_grad(false);
  const auto count = static_cast<double>(step);
  const double rest = 1 - std::min(decay_, (1 + count) / (10 + count));
  for (std::size_t i = 0; i < values_.size(); ++i) {
    torch::Tensor& average = averages_[i].second;
    if (average.is_floating_point()) {
      average.lerp_(values_[i].second, rest);
    } else {
      average.copy_(values_[i].second);
    }
  }
}

void AveragedWeights::swap() {
  const c10::AutoGradMode no_grad(false);
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const torch::Tensor value = values_[i].second.clone();
    values_[i].second.copy_(averages_[i].second);
    averages_[i].second.copy_(value);
  }
}

void AveragedWeights::restore(const NamedTensors& state) {
  const auto fits = [](const NamedTensors::value_type& one, const NamedTensors::value_type& other) {
    return one.first == other.first && one.second.sizes() == other.second.sizes();
  };
  if (!std::ranges::equal(state, averages_, fits)) {
    throw data_error("the average of the weights in the checkpoint does not fit the network",
                     "resume a checkpoint of a run with the same network");
  }
  for (std::size_t i = 0; i < state.size(); ++i) averages_[i].second.copy_(state[i].second);
}

}  // namespace mnist
