#include "mnist/train/frozen_features.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace mnist {
namespace {

constexpr std::int64_t kImagesOnCpu = 8;   // as many as are fastest
constexpr std::int64_t kImagesOnGpu = 64;  // as many as keep it busier than launching them keeps the CPU

}  // namespace

void freeze_all_but(Network& network, const std::string& layer) {
  for (auto& parameter : network.named_parameters()) {
    parameter.value().set_requires_grad(parameter.key().starts_with(layer));
  }
}

void FrozenFeatures::start(const torch::Tensor& order, std::int64_t epoch) {
  order_ = order.to(options_.device);
  if (complete_) return;
  images_.start(order, epoch);
  ready_ = 0;
}

Batch FrozenFeatures::get(std::int64_t begin, std::int64_t end) {
  const std::int64_t at_once = options_.device.is_cpu() ? kImagesOnCpu : kImagesOnGpu;
  while (!complete_ && ready_ < end) {
    const std::int64_t next = std::min(ready_ + at_once, order_.size(0));
    compute(ready_, next);
    ready_ = next;
    complete_ = options_.constant && ready_ == size();
  }
  const torch::Tensor items = order_.slice(0, begin, end);
  return {features_.index_select(0, items), targets_.index_select(0, items)};
}

void FrozenFeatures::compute(std::int64_t begin, std::int64_t end) {
  const c10::AutoGradMode no_grad(false);
  network_.eval();
  const Batch batch = images_.get(begin, end);
  torch::Tensor features;
  {
    const PrecisionScope scope(options_.precision, options_.device);
    features = network_.features(batch.inputs, Dropout::off()).to(at::kFloat);
  }
  if (!features_.defined()) {
    features_ = at::zeros({size(), features.size(1)}, features.options());
    targets_ = at::zeros({size()}, batch.targets.options());
  }
  const torch::Tensor items = order_.slice(0, begin, end);
  features_.index_copy_(0, items, features);
  targets_.index_copy_(0, items, batch.targets);
}

}  // namespace mnist
