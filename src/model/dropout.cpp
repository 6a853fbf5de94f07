#include "mnist/model/dropout.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "mnist/core/philox.hpp"
#include "mnist/kernels/kernels.hpp"

namespace mnist {

void DropoutLayer::keep(std::int64_t row, std::vector<std::uint8_t>& kept) const {
  const PhiloxCounter counter = {0, static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(step_),
                                 static_cast<std::uint32_t>(epoch_ * 256 + layer_)};
  usable_kernels().front()->keep_elements(counter.data(), philox_key(seed_).data(), threshold_, kept.data(),
                                          kept.size());
}

DropoutLayer Dropout::layer(double p, int layer) const {
  DropoutLayer result;
  if (!active_ || p == 0) return result;
  result.seed_ = seed_;
  result.epoch_ = epoch_;
  result.step_ = step_;
  result.layer_ = layer;
  result.threshold_ = static_cast<std::uint32_t>(std::lround(p * 65536));
  result.scale_ = static_cast<float>(1 / (1 - p));
  return result;
}

torch::Tensor Dropout::operator()(const torch::Tensor& x, double p, int layer) const {
  const DropoutLayer dropout = this->layer(p, layer);
  if (!dropout.active()) return x;
  const std::int64_t rows = x.size(0);
  const std::int64_t columns = rows == 0 ? 0 : x.numel() / rows;
  torch::Tensor mask = at::empty(x.sizes(), at::kFloat);
  auto* const out = mask.mutable_data_ptr<float>();
  at::parallel_for(0, rows, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> kept(static_cast<std::size_t>(columns));
    for (std::int64_t row = begin; row < end; ++row) {
      dropout.keep(row, kept);
      std::transform(kept.begin(), kept.end(), out + row * columns,
                     [&](std::uint8_t keeps) { return keeps != 0 ? dropout.scale() : 0.0F; });
    }
  });
  return x * mask.to(x.options());
}

}  // namespace mnist
