#include "mnist/train/frozen_features.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "mnist/core/error.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kImagesOnCpu = 8;   // the fastest batch size
constexpr std::int64_t kImagesOnGpu = 64;  // enough to hide the time of kernel launches

}  // namespace

void freeze_all_but(Network& network, const std::string& layer) {
  for (auto& parameter : network.named_parameters()) {
    parameter.value().set_requires_grad(parameter.key().starts_with(layer));
  }
}

FrozenFeatures::FrozenFeatures(Network& network, Batches& images, const FrozenFeaturesOptions& options)
    : network_(network),
      images_(images),
      options_(options),
      chunk_size_(options.compute.device.is_cpu() ? kImagesOnCpu : kImagesOnGpu),
      computed_(static_cast<std::size_t>((images.size() + chunk_size_ - 1) / chunk_size_)) {}

void FrozenFeatures::start(const torch::Tensor& order, std::int64_t epoch) {
  order_ = order;
  if (options_.constant) return;
  images_.start(order, epoch);
  computed_.assign(computed_.size(), false);
}

Batch FrozenFeatures::get(std::int64_t begin, std::int64_t end) {
  const torch::Tensor items = order_.slice(0, begin, end);
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t chunk = (options_.constant ? items.const_data_ptr<std::int64_t>()[i - begin] : i) / chunk_size_;
    if (!computed_[static_cast<std::size_t>(chunk)]) compute(chunk);
  }
  const torch::Tensor rows = items.to(options_.compute.device);
  return {features_.index_select(0, rows), targets_.index_select(0, rows)};
}

void FrozenFeatures::compute(std::int64_t chunk) {
  const c10::AutoGradMode no_grad(false);
  network_.eval();
  const std::int64_t begin = chunk * chunk_size_;
  const std::int64_t end = std::min(begin + chunk_size_, options_.constant ? size() : order_.size(0));
  torch::Tensor items = options_.constant ? at::arange(begin, end) : order_.slice(0, begin, end);
  Batch batch;
  if (options_.constant) {
    constexpr std::int64_t kNoEpoch = 0;  // no random augmentation
    images_.start(items, kNoEpoch);
    batch = images_.get(0, end - begin);
  } else {
    batch = images_.get(begin, end);
  }
  torch::Tensor features;
  {
    const PrecisionScope scope(options_.compute.precision, options_.compute.device);
    features = network_.features(batch.inputs, Dropout::off()).to(at::kFloat);
  }
  allocate(features, features.size(1));
  items = items.to(options_.compute.device);
  features_.index_copy_(0, items, features);
  targets_.index_copy_(0, items, batch.targets);
  computed_[static_cast<std::size_t>(chunk)] = true;
}

// Rank r computes chunks r, r + size, ... The other ranks have zeros there, so the sum is exact.
void FrozenFeatures::compute_together(Communicator& ranks, const std::function<bool()>& stop_requested) {
  const auto chunks = static_cast<std::int64_t>(computed_.size());
  for (std::int64_t chunk = ranks.rank(); chunk < chunks; chunk += ranks.size()) {
    if (stop_requested()) throw Stopped();
    compute(chunk);
  }
  const torch::Tensor width = at::full({1}, features_.defined() ? features_.size(1) : 0, at::kLong);
  ranks.broadcast(width);  // rank 0 always has a chunk
  allocate(at::empty({0}, options_.compute.device), width.item<std::int64_t>());
  ranks.sum(features_);
  ranks.sum(targets_);
  computed_.assign(computed_.size(), true);
}

void FrozenFeatures::allocate(const torch::Tensor& like, std::int64_t features) {
  if (features_.defined()) return;
  features_ = at::zeros({size(), features}, like.options());
  targets_ = at::zeros({size()}, like.options().dtype(at::kLong));
}

}  // namespace mnist
