#include "mnist/data/batch.hpp"

#include <limits>
#include <utility>
#include <vector>

#include "mnist/core/philox.hpp"

namespace mnist {
namespace {

// Uniform integers for one epoch, as a pure function of the position.
class EpochRandom {
 public:
  EpochRandom(std::uint64_t seed, std::uint64_t epoch) : key_(philox_key(seed)), epoch_(epoch) {}

  // Uniform in [0, range), 1 <= range < 2^32. Source: D. Lemire, "Fast random integer generation in an interval", 2019.
  std::uint32_t below(std::uint32_t range, std::uint32_t position) const {
    for (std::uint32_t block = 0;; ++block) {
      const auto words =
          philox({position, block, static_cast<std::uint32_t>(epoch_), static_cast<std::uint32_t>(epoch_ >> 32)}, key_);
      for (const auto word : words) {
        const auto product = std::uint64_t{word} * range;
        const auto low = static_cast<std::uint32_t>(product);
        // Rejects 2^32 mod range of the low halves, to avoid bias. The division is rarely needed: once in 2^32 / range.
        if (low >= range || low >= -range % range) return static_cast<std::uint32_t>(product >> 32);
      }
    }
  }

 private:
  PhiloxKey key_;
  std::uint64_t epoch_;
};

// [C, 1, 1] on the device of `like`. Filled on the device: copying needs a device sync.
torch::Tensor per_channel(const std::vector<double>& values, const torch::Tensor& like) {
  auto result = torch::empty({static_cast<std::int64_t>(values.size()), 1, 1}, like.options());
  for (std::size_t channel = 0; channel < values.size(); ++channel) {
    result.select(0, static_cast<std::int64_t>(channel)).fill_(values[channel]);
  }
  return result;
}

}  // namespace

torch::Tensor epoch_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  TORCH_CHECK(count >= 0 && count < std::numeric_limits<std::uint32_t>::max(), "epoch_order: bad count ", count);
  const EpochRandom random(seed, static_cast<std::uint64_t>(epoch));
  auto order = torch::arange(count, torch::kInt64);
  auto* items = order.data_ptr<std::int64_t>();
  for (auto position = count - 1; position > 0; --position) {
    const auto end = static_cast<std::uint32_t>(position);
    std::swap(items[position], items[random.below(end + 1, end)]);
  }
  return order;
}

torch::Tensor normalize(const torch::Tensor& pixels, const Preprocessing& preprocessing) {
  // Always a copy, because the next operations work in place.
  auto values = pixels.to(torch::kFloat32, /*non_blocking=*/false, /*copy=*/true);
  // Divisors are tensors, because CUDA replaces division by a scalar with multiplication by its reciprocal, which
  // rounds differently.
  return values.div_(per_channel({255.0}, values))
      .sub_(per_channel(preprocessing.mean, values))
      .div_(per_channel(preprocessing.std, values));
}

torch::Tensor denormalize(const torch::Tensor& inputs, const Preprocessing& preprocessing) {
  auto values = inputs.to(torch::kCPU, torch::kFloat32, /*non_blocking=*/false, /*copy=*/true);
  values.mul_(per_channel(preprocessing.std, values)).add_(per_channel(preprocessing.mean, values)).mul_(255);
  return values.round_().clamp_(0, 255).to(torch::kUInt8);
}

void copy_into_buffer(torch::Tensor& buffer, const torch::Tensor& values, const c10::Device& device) {
  if (buffer.defined() && buffer.sizes() == values.sizes()) {
    buffer.copy_(values);
  } else {
    buffer = values.to(device, /*non_blocking=*/false, /*copy=*/true);
  }
}

Batch gather_batch(const Dataset& dataset, const torch::Tensor& indices, const Preprocessing& preprocessing) {
  return {normalize(dataset.images.index_select(0, indices), preprocessing), dataset.labels.index_select(0, indices)};
}

}  // namespace mnist
