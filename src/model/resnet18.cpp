#include "resnet18.hpp"

#include <array>
#include <optional>
#include <string>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/nn/init.h>

#include "mnist/core/process.hpp"

namespace mnist {
namespace {

// A BatchNorm follows each convolution, which makes a bias pointless.
torch::nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

// As long as it lives, and where `kernels` may be used, a CPU that is slower in bf16 computes in fp32.
class WithoutSlowBf16 {
 public:
  explicit WithoutSlowBf16(const Kernels* kernels) {
    if (kernels == nullptr || !at::autocast::is_autocast_enabled(at::kCPU)) return;
    static const bool is_slow = !has_fast_bf16();
    if (is_slow) without_autocast_.emplace(c10::DispatchKey::AutocastCPU);
  }

 private:
  std::optional<c10::impl::ExcludeDispatchKeyGuard> without_autocast_;
};

}  // namespace

BasicBlock::Downsample::Downsample(std::int64_t in, std::int64_t out, std::int64_t stride)
    : conv(convolution(in, out, 1, stride)), bn(out) {
  register_module("0", conv);
  register_module("1", bn);
}

BasicBlock::BasicBlock(std::int64_t in, std::int64_t out, std::int64_t stride)
    : downsample_(in == out && stride == 1 ? nullptr : std::make_shared<Downsample>(in, out, stride)),
      conv1_(std::make_shared<Conv3x3>(in, out, stride)),
      bn1_(out),
      conv2_(std::make_shared<Conv3x3>(out, out)),
      bn2_(out) {
  register_module("conv1", conv1_);
  register_module("bn1", bn1_);
  register_module("conv2", conv2_);
  register_module("bn2", bn2_);
  if (downsample_) register_module("downsample", downsample_);
}

torch::Tensor BasicBlock::forward(const torch::Tensor& inputs, const Kernels* kernels) {
  const torch::Tensor x = bn1_(conv1_->convolve(inputs, kernels)).relu_();
  const torch::Tensor around = downsample_ ? downsample_->bn(downsample_->conv(inputs)) : inputs;
  return bn2_(conv2_->convolve(x, kernels)).add_(around).relu_();
}

ResNet18::ResNet18(std::int64_t classes) : Network("ResNet"), conv1_(nullptr), bn1_(nullptr) {
  // In torchvision's order, so that the generator gives each of them the same weights.
  conv1_ = register_module("conv1", convolution(3, 64, 7, 2));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(64));
  constexpr std::array<std::int64_t, 4> kChannels = {64, 128, 256, 512};
  std::int64_t in = 64;
  for (std::size_t stage = 0; stage < kChannels.size(); ++stage) {
    const std::int64_t out = kChannels[stage];
    const auto layer = register_module("layer" + std::to_string(stage + 1), std::make_shared<torch::nn::Module>());
    for (std::size_t index = 0; index < 2; ++index) {
      const std::int64_t stride = stage > 0 && index == 0 ? 2 : 1;
      blocks_[2 * stage + index] =
          layer->register_module(std::to_string(index), std::make_shared<BasicBlock>(in, out, stride));
      in = out;
    }
  }
  fc_ = register_module("fc", torch::nn::Linear(512, classes));
  for (const auto& module : modules(/*include_self=*/false)) {
    if (auto* layer = module->as<torch::nn::Conv2d>()) {
      torch::nn::init::kaiming_normal_(layer->weight, 0, torch::kFanOut, torch::kReLU);
      // A copy: of 1 x 1 weights, contiguous() leaves strides that those of their gradients do not agree with.
      const torch::Tensor& weight = layer->weight;
      weight.set_data(at::empty_like(weight, {}, at::MemoryFormat::ChannelsLast).copy_(weight.detach()));
    }
  }
}

torch::Tensor ResNet18::features(const torch::Tensor& inputs, const Dropout& /*dropout*/) {
  const WithoutSlowBf16 precision(kernels());
  // Channels last, as the weights are: convolutions compute in this layout and would bring every tensor into it and
  // back.
  torch::Tensor x = inputs.contiguous(at::MemoryFormat::ChannelsLast);
  x = bn1_(conv1_(x)).relu_();                                            // [N, 64, H / 2, W / 2]
  x = at::max_pool2d(x, /*kernel_size=*/3, /*stride=*/2, /*padding=*/1);  // [N, 64, H / 4, W / 4]
  for (const auto& block : blocks_) x = block->forward(x, kernels());     // [N, 512, H / 32, W / 32]
  return at::adaptive_avg_pool2d(x, {1, 1}).flatten(1);                   // [N, 512]
}

torch::Tensor ResNet18::head(const torch::Tensor& features) {
  return fc_(features);
}

}  // namespace mnist
