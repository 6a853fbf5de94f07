#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <ATen/ATen.h>

#include "mnist/data/batch.hpp"
#include "mnist/data/dataset.hpp"

namespace mnist {
namespace {

// Held-back items per class: the shares rounded down, plus one for the classes with the largest remainders.
std::vector<std::int64_t> quotas(const torch::Tensor& labels, std::size_t classes, std::int64_t count) {
  std::vector<std::int64_t> sizes(classes);
  const auto* const label = labels.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < labels.size(0); ++i) ++sizes[static_cast<std::size_t>(label[i])];
  std::vector<std::int64_t> quotas;
  quotas.reserve(classes);
  for (const std::int64_t size : sizes) quotas.push_back(count * size / labels.size(0));
  std::vector<std::size_t> order(classes);
  std::iota(order.begin(), order.end(), 0);
  const auto lost = [&](std::size_t index) { return count * sizes[index] % labels.size(0); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return lost(a) > lost(b); });
  std::int64_t missing = count - std::accumulate(quotas.begin(), quotas.end(), std::int64_t{0});
  for (const std::size_t index : order) {
    if (missing == 0) break;
    ++quotas[index];
    --missing;
  }
  return quotas;
}

Dataset part(const Dataset& dataset, const torch::Tensor& rows) {
  return {dataset.name, dataset.images.index_select(0, rows), dataset.labels.index_select(0, rows),
          dataset.class_names};
}

}  // namespace

HeldBack hold_back(const Dataset& dataset, std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> left = quotas(dataset.labels, dataset.class_names.size(), count);
  constexpr std::int64_t kNoEpoch = 0;  // training epochs count from 1
  const torch::Tensor order = epoch_order(dataset.size(), seed, kNoEpoch);
  torch::Tensor kept = at::zeros({dataset.size()}, at::kBool);
  const auto* const item = order.const_data_ptr<std::int64_t>();
  const auto* const label = dataset.labels.const_data_ptr<std::int64_t>();
  auto* const keeps = kept.mutable_data_ptr<bool>();
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    std::int64_t& of_class = left[static_cast<std::size_t>(label[item[i]])];
    if (of_class == 0) continue;
    --of_class;
    keeps[item[i]] = true;
  }
  return {part(dataset, kept.logical_not().nonzero().squeeze(1)), part(dataset, kept.nonzero().squeeze(1))};
}

}  // namespace mnist
