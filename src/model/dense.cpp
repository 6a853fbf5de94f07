#include "dense.hpp"

#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

namespace mnist {
namespace {

constexpr std::int64_t kRowsOfAPart = 24;  // rows that share the weights in a thread's cache

// Calls work(begin, end) for ranges of results, on all threads.
template <class Work>
void for_columns(std::int64_t columns, const Work& work) {
  at::parallel_for(0, columns / dense::kColumns, 1, [&](std::int64_t begin, std::int64_t end) {
    work(static_cast<int>(begin * dense::kColumns), static_cast<int>(end * dense::kColumns));
  });
}

bool plain_floats(const torch::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
}

}  // namespace

Dense::Dense(std::int64_t in, std::int64_t out) : torch::nn::LinearImpl(in, out) {}

torch::Tensor Dense::apply(const torch::Tensor& inputs, const Kernels* kernels) {
  const std::int64_t out = weight.size(0);
  const bool taken = kernels != nullptr && !c10::GradMode::is_enabled() && !weight.requires_grad() &&
                     !at::autocast::is_autocast_enabled(at::kCPU) && out % dense::kColumns == 0 && inputs.dim() == 2 &&
                     inputs.size(1) == weight.size(1) && plain_floats(inputs) && plain_floats(weight) &&
                     plain_floats(bias);
  if (!taken) return forward(inputs);
  const auto in = static_cast<int>(weight.size(1));
  const torch::Tensor packed = packed_.get(*kernels, {weight}, [&] {
    torch::Tensor made = at::empty({weight.numel()}, at::kFloat);
    for_columns(out, [&](int begin, int end) {
      kernels->pack_dense(in, begin, end, weight.const_data_ptr<float>(), made.mutable_data_ptr<float>());
    });
    return made;
  });
  const std::int64_t rows = inputs.size(0);
  torch::Tensor results = at::empty({rows, out}, at::kFloat);
  const auto* const from = inputs.const_data_ptr<float>();
  auto* const to = results.mutable_data_ptr<float>();
  const std::int64_t blocks = out / dense::kColumns;
  const std::int64_t groups = (rows + kRowsOfAPart - 1) / kRowsOfAPart;
  at::parallel_for(0, blocks * groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      const auto column = static_cast<int>(part / groups * dense::kColumns);
      const std::int64_t first = part % groups * kRowsOfAPart;
      kernels->dense(in, static_cast<int>(out), packed.const_data_ptr<float>(), bias.const_data_ptr<float>(), column,
                     column + dense::kColumns, from + first * in, std::min(kRowsOfAPart, rows - first),
                     to + first * out);
    }
  });
  return results;
}

}  // namespace mnist
