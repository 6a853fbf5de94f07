#include "mnist/model/dropout.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "mnist/core/philox.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kLanes = 8;  // 16-bit numbers of one Philox call

}  // namespace

torch::Tensor Dropout::operator()(const torch::Tensor& x, double p, int layer) const {
  if (!active_ || p == 0) return x;
  const std::int64_t rows = x.size(0);
  const std::int64_t columns = rows == 0 ? 0 : x.numel() / rows;
  const auto threshold = static_cast<std::uint32_t>(std::lround(p * 65536));
  const auto scale = static_cast<float>(1 / (1 - p));
  const PhiloxKey key = philox_key(seed_);
  const auto step = static_cast<std::uint32_t>(step_);
  const auto epoch_and_layer = static_cast<std::uint32_t>(epoch_ * 256 + layer);

  torch::Tensor mask = at::empty(x.sizes(), at::kFloat);
  auto* const out = mask.data_ptr<float>();
  at::parallel_for(0, rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int64_t column = 0; column < columns; column += kLanes) {
        const PhiloxCounter words = philox(
            {static_cast<std::uint32_t>(column / kLanes), static_cast<std::uint32_t>(row), step, epoch_and_layer}, key);
        for (std::int64_t lane = 0; lane < std::min(kLanes, columns - column); ++lane) {
          const std::uint32_t number = (words[lane / 2] >> (16 * (lane % 2))) & 0xFFFFu;
          out[row * columns + column + lane] = number >= threshold ? scale : 0.0F;
        }
      }
    }
  });
  return x * mask.to(x.options());
}

}  // namespace mnist
