#include "resnet18.hpp"

#include <string>

#include <ATen/ATen.h>
#include <torch/nn/init.h>

namespace mnist {
namespace {

torch::nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
  // A BatchNorm follows each of them, which makes a bias pointless.
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

}  // namespace

BasicBlock::Downsample::Downsample(std::int64_t in, std::int64_t out, std::int64_t stride)
    : conv(convolution(in, out, 1, stride)), bn(out) {
  register_module("0", conv);
  register_module("1", bn);
}

BasicBlock::BasicBlock(std::int64_t in, std::int64_t out, std::int64_t stride)
    : downsample_(in == out && stride == 1 ? nullptr : std::make_shared<Downsample>(in, out, stride)),
      conv1_(convolution(in, out, 3, stride)),
      bn1_(out),
      conv2_(convolution(out, out, 3, 1)),
      bn2_(out) {
  register_module("conv1", conv1_);
  register_module("bn1", bn1_);
  register_module("conv2", conv2_);
  register_module("bn2", bn2_);
  if (downsample_) register_module("downsample", downsample_);
}

torch::Tensor BasicBlock::forward(const torch::Tensor& inputs) {
  const torch::Tensor x = at::relu(bn1_(conv1_(inputs)));
  const torch::Tensor around = downsample_ ? downsample_->bn(downsample_->conv(inputs)) : inputs;
  return at::relu(bn2_(conv2_(x)).add_(around));
}

ResNet18::ResNet18(std::int64_t classes) : Network("ResNet"), conv1_(nullptr), bn1_(nullptr) {
  // In torchvision's order, so that the generator gives each of them the same weights.
  conv1_ =
      register_module("conv1", torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 64, 7).stride(2).padding(3).bias(false)));
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
      layer->weight.set_data(layer->weight.contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
}

torch::Tensor ResNet18::features(const torch::Tensor& inputs, const Dropout& /*dropout*/) {
  // Channels last, as the weights are: convolutions compute in this layout and would bring every tensor into it and
  // back.
  torch::Tensor x = inputs.contiguous(at::MemoryFormat::ChannelsLast);
  x = at::relu(bn1_(conv1_(x)));                                          // [N, 64, H / 2, W / 2]
  x = at::max_pool2d(x, /*kernel_size=*/3, /*stride=*/2, /*padding=*/1);  // [N, 64, H / 4, W / 4]
  for (const auto& block : blocks_) x = block->forward(x);                // [N, 512, H / 32, W / 32]
  return at::adaptive_avg_pool2d(x, {1, 1}).flatten(1);                   // [N, 512]
}

torch::Tensor ResNet18::head(const torch::Tensor& features) {
  return fc_(features);
}

}  // namespace mnist
