#include "mnist/train/frozen_features.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace mnist {
namespace {

constexpr std::int64_t kImagesAtOnce = 8;  // as many as are fastest on a CPU

}  // namespace

void freeze_all_but(Network& network, const std::string& layer) {
  for (auto& parameter : network.named_parameters()) {
    parameter.value().set_requires_grad(parameter.key().starts_with(layer));
  }
}

void FrozenFeatures::start(const torch::Tensor& order, std::int64_t epoch) {
  epoch_ = epoch;
  order_ = order.to(options_.device);
  if (complete_) return;
  images_.start(order, epoch);
  ready_ = 0;
}

Batch FrozenFeatures::get(std::int64_t begin, std::int64_t end) {
  while (!complete_ && ready_ < end) {
    const std::int64_t next = std::min(ready_ + kImagesAtOnce, order_.size(0));
    compute(ready_, next);
    ready_ = next;
    complete_ = options_.constant && ready_ == size();
  }
  const torch::Tensor items = order_.slice(0, begin, end);
  return {features_.index_select(0, items), targets_.index_select(0, items)};
}

Batch FrozenFeatures::image_batch(std::int64_t begin, std::int64_t end) {
  Batch batch;
  if (options_.cuda == nullptr || !images_.prepare(end - begin, batch)) return images_.get(begin, end);
  const torch::Tensor clock = at::tensor({epoch_, begin / kImagesAtOnce}, at::kLong).to(options_.device);
  images_.gather(*options_.cuda, clock, kImagesAtOnce, batch);
  return batch;
}

void FrozenFeatures::compute(std::int64_t begin, std::int64_t end) {
  const c10::AutoGradMode no_grad(false);
  network_.eval();
  const Batch batch = image_batch(begin, end);
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
