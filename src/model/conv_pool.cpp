#include "conv_pool.hpp"

#include <algorithm>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace mnist {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr auto kPooled = static_cast<std::int64_t>(conv_pool::kPooled);
constexpr auto kImage = static_cast<std::int64_t>(conv_pool::kImage);
constexpr auto kSums = static_cast<std::int64_t>(conv_pool::kSums);

// `winner`: uint8 [N, kPooled], or undefined if there is no backward pass.
torch::Tensor forward_pass(const Kernels& kernels, const torch::Tensor& packed, const torch::Tensor& images,
                           const DropoutLayer& dropout, const torch::Tensor& winner) {
  const std::int64_t count = images.size(0);
  torch::Tensor pooled = at::empty({count, kPooled}, at::kFloat);
  const auto* const weights = packed.const_data_ptr<float>();
  const auto* const in = images.const_data_ptr<float>();
  auto* const out = pooled.mutable_data_ptr<float>();
  auto* const places = winner.defined() ? winner.mutable_data_ptr<std::uint8_t>() : nullptr;
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch(conv_pool::kScratch);
    std::vector<std::uint8_t> kept(dropout.active() ? conv_pool::kPooled : 0);
    for (std::int64_t i = begin; i < end; ++i) {
      if (dropout.active()) dropout.keep(i, kept);
      kernels.conv_pool_forward(weights, in + i * kImage, dropout.active() ? kept.data() : nullptr, dropout.scale(),
                                scratch.data(), out + i * kPooled, places == nullptr ? nullptr : places + i * kPooled);
    }
  });
  return pooled;
}

class ConvPool : public torch::autograd::Function<ConvPool> {
 public:
  // The weights themselves are arguments for their gradients.
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& /*weight1*/,
                               const torch::Tensor& /*bias1*/, const torch::Tensor& /*weight2*/,
                               const torch::Tensor& /*bias2*/, const torch::Tensor& packed, const torch::Tensor& images,
                               const Kernels* kernels, const DropoutLayer& dropout) {
    const torch::Tensor winner = at::empty({images.size(0), kPooled}, at::kByte);
    torch::Tensor pooled = forward_pass(*kernels, packed, images, dropout, winner);
    context->save_for_backward({packed, images, pooled, winner});
    context->saved_data["kernels"] = reinterpret_cast<std::int64_t>(kernels);
    context->saved_data["scale"] = static_cast<double>(dropout.scale());
    return pooled;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto* const packed = saved[0].const_data_ptr<float>();
    const auto* const images = saved[1].const_data_ptr<float>();
    const auto* const pooled = saved[2].const_data_ptr<float>();
    const auto* const winner = saved[3].const_data_ptr<std::uint8_t>();
    // A pointer to a table of constants, stored as a number. NOLINTNEXTLINE(performance-no-int-to-ptr)
    const auto* const kernels = reinterpret_cast<const Kernels*>(context->saved_data["kernels"].toInt());
    const auto scale = static_cast<float>(context->saved_data["scale"].toDouble());
    const torch::Tensor gradient = gradients[0].contiguous();
    const auto* const pooled_gradient = gradient.const_data_ptr<float>();

    // Each part sums its images in order, and the parts are added in order, so that the result is deterministic.
    const std::int64_t count = gradient.size(0);
    const std::int64_t parts = std::max<std::int64_t>(1, std::min<std::int64_t>(at::get_num_threads(), count));
    const torch::Tensor sums = at::zeros({parts, kSums}, at::kFloat);
    auto* const sums_begin = sums.mutable_data_ptr<float>();
    at::parallel_for(0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> scratch(conv_pool::kScratch);
      for (std::int64_t part = begin; part < end; ++part) {
        for (std::int64_t i = count * part / parts; i < count * (part + 1) / parts; ++i) {
          kernels->conv_pool_backward(packed, images + i * kImage, pooled + i * kPooled, winner + i * kPooled,
                                      pooled_gradient + i * kPooled, scale, scratch.data(), sums_begin + part * kSums);
        }
      }
    });
    torch::Tensor sum = sums.select(0, 0);
    for (std::int64_t part = 1; part < parts; ++part) sum.add_(sums.select(0, part));

    torch::Tensor weight1 = at::empty({32, 1, 3, 3}, at::kFloat);
    torch::Tensor bias1 = at::empty({32}, at::kFloat);
    torch::Tensor weight2 = at::empty({64, 32, 3, 3}, at::kFloat);
    torch::Tensor bias2 = at::empty({64}, at::kFloat);
    kernels->unpack_conv_pool(sum.const_data_ptr<float>(),
                              {weight1.mutable_data_ptr<float>(), bias1.mutable_data_ptr<float>(),
                               weight2.mutable_data_ptr<float>(), bias2.mutable_data_ptr<float>()});
    return {weight1, bias1, weight2, bias2, {}, {}, {}, {}};
  }
};

}  // namespace

bool conv_pool_takes(const torch::Tensor& images, const ConvPoolWeights& weights) {
  const auto plain = [](const torch::Tensor& tensor) {
    return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous();
  };
  return plain(images) && images.dim() == 4 && images.sizes().slice(1) == at::IntArrayRef({1, 28, 28}) &&
         !images.requires_grad() && plain(weights.weight1) && plain(weights.bias1) && plain(weights.weight2) &&
         plain(weights.bias2);
}

torch::Tensor packed_conv_pool(const Kernels& kernels, const ConvPoolWeights& weights) {
  torch::Tensor packed = at::empty({static_cast<std::int64_t>(conv_pool::kPacked)}, at::kFloat);
  kernels.pack_conv_pool({weights.weight1.const_data_ptr<float>(), weights.bias1.const_data_ptr<float>(),
                          weights.weight2.const_data_ptr<float>(), weights.bias2.const_data_ptr<float>()},
                         packed.mutable_data_ptr<float>());
  return packed;
}

torch::Tensor apply_conv_pool(const Kernels& kernels, const torch::Tensor& images, const ConvPoolWeights& weights,
                              const torch::Tensor& packed, const DropoutLayer& dropout) {
  if (c10::GradMode::is_enabled()) {
    return ConvPool::apply(weights.weight1, weights.bias1, weights.weight2, weights.bias2, packed, images, &kernels,
                           dropout);
  }
  return forward_pass(kernels, packed, images, dropout, {});
}

}  // namespace mnist
