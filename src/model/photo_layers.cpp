#include "photo_layers.hpp"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/nn/init.h>

#include "mnist/core/process.hpp"

namespace mnist {

WithoutSlowBf16::WithoutSlowBf16(const Kernels* kernels) {
  if (kernels == nullptr || !at::autocast::is_autocast_enabled(at::kCPU)) return;
  static const bool is_slow = !has_fast_bf16();
  if (is_slow) without_autocast_.emplace(c10::DispatchKey::AutocastCPU);
}

torch::nn::Conv2d unbiased_convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                       std::int64_t groups) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).groups(groups).bias(false));
}

void draw_convolutions(torch::nn::Module& network) {
  for (const auto& module : network.modules(/*include_self=*/false)) {
    auto* const layer = module->as<torch::nn::Conv2d>();
    if (layer == nullptr) continue;
    torch::nn::init::kaiming_normal_(layer->weight, 0, torch::kFanOut, torch::kReLU);
    if (layer->bias.defined()) torch::nn::init::zeros_(layer->bias);
    // Copies, because contiguous() keeps strides of 1 x 1 weights that differ from those of their gradients.
    const torch::Tensor& weight = layer->weight;
    weight.set_data(at::empty_like(weight, {}, at::MemoryFormat::ChannelsLast).copy_(weight.detach()));
  }
}

}  // namespace mnist
