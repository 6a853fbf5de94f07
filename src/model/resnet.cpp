#include "resnet.hpp"

#include <array>
#include <string>

#include <ATen/ATen.h>

#include "conv3x3.hpp"
#include "photo_layers.hpp"

namespace mnist {
namespace {

// The 1x1 convolution of the shortcut if size or channels change; torchvision's Sequential of two.
struct Downsample : torch::nn::Module {
  Downsample(std::int64_t in, std::int64_t out, std::int64_t stride)
      : conv(unbiased_convolution(in, out, 1, stride)), bn(out) {
    register_module("0", conv);
    register_module("1", bn);
  }

  // The shortcut: `inputs` themselves if size and channels do not change.
  static torch::Tensor around(const std::shared_ptr<Downsample>& change, const torch::Tensor& inputs) {
    return change ? change->bn(change->conv(inputs)) : inputs;
  }

  // nullptr if neither size nor channels change.
  static std::shared_ptr<Downsample> where_needed(std::int64_t in, std::int64_t out, std::int64_t stride) {
    return in == out && stride == 1 ? nullptr : std::make_shared<Downsample>(in, out, stride);
  }

  torch::nn::Conv2d conv;
  torch::nn::BatchNorm2d bn;
};

// Two 3x3 convolutions.
class BasicBlock : public ResidualBlock {
 public:
  static constexpr std::int64_t kExpansion = 1;  // output channels divided by inner channels

  BasicBlock(std::int64_t in, std::int64_t channels, std::int64_t stride)
      : downsample_(Downsample::where_needed(in, channels, stride)),
        conv1_(std::make_shared<Conv3x3>(in, channels, stride)),
        bn1_(channels),
        conv2_(std::make_shared<Conv3x3>(channels, channels)),
        bn2_(channels) {
    register_module("conv1", conv1_);
    register_module("bn1", bn1_);
    register_module("conv2", conv2_);
    register_module("bn2", bn2_);
    if (downsample_) register_module("downsample", downsample_);
  }

  torch::Tensor forward(const torch::Tensor& inputs, const Kernels* kernels) override {
    const torch::Tensor x = bn1_(conv1_->convolve(inputs, kernels)).relu_();
    const torch::Tensor around = Downsample::around(downsample_, inputs);
    return bn2_(conv2_->convolve(x, kernels)).add_(around).relu_();
  }

 private:
  std::shared_ptr<Downsample> downsample_;  // first: its weights are drawn first; may be nullptr
  std::shared_ptr<Conv3x3> conv1_;
  torch::nn::BatchNorm2d bn1_;
  std::shared_ptr<Conv3x3> conv2_;
  torch::nn::BatchNorm2d bn2_;
};

// A 3x3 convolution between two 1x1 ones; the last one has four times the channels. The middle convolution has the
// block's stride, as in torchvision ("ResNet v1.5").
class Bottleneck : public ResidualBlock {
 public:
  static constexpr std::int64_t kExpansion = 4;

  Bottleneck(std::int64_t in, std::int64_t channels, std::int64_t stride)
      : downsample_(Downsample::where_needed(in, kExpansion * channels, stride)),
        conv1_(unbiased_convolution(in, channels, 1, 1)),
        bn1_(channels),
        conv2_(std::make_shared<Conv3x3>(channels, channels, stride)),
        bn2_(channels),
        conv3_(unbiased_convolution(channels, kExpansion * channels, 1, 1)),
        bn3_(kExpansion * channels) {
    register_module("conv1", conv1_);
    register_module("bn1", bn1_);
    register_module("conv2", conv2_);
    register_module("bn2", bn2_);
    register_module("conv3", conv3_);
    register_module("bn3", bn3_);
    if (downsample_) register_module("downsample", downsample_);
  }

  torch::Tensor forward(const torch::Tensor& inputs, const Kernels* kernels) override {
    const torch::Tensor narrow = bn1_(conv1_(inputs)).relu_();
    const torch::Tensor x = bn2_(conv2_->convolve(narrow, kernels)).relu_();
    return bn3_(conv3_(x)).add_(Downsample::around(downsample_, inputs)).relu_();
  }

 private:
  std::shared_ptr<Downsample> downsample_;  // first: its weights are drawn first; may be nullptr
  torch::nn::Conv2d conv1_;
  torch::nn::BatchNorm2d bn1_;
  std::shared_ptr<Conv3x3> conv2_;
  torch::nn::BatchNorm2d bn2_;
  torch::nn::Conv2d conv3_;
  torch::nn::BatchNorm2d bn3_;
};

struct MadeBlock {
  std::shared_ptr<ResidualBlock> block;
  std::int64_t out = 0;  // channels of its outputs
};

template <class Block>
MadeBlock make_block(std::int64_t in, std::int64_t channels, std::int64_t stride) {
  return {std::make_shared<Block>(in, channels, stride), channels * Block::kExpansion};
}

}  // namespace

ResNet::ResNet(const ResNetLayout& layout, std::int64_t classes) : Network("ResNet"), conv1_(nullptr), bn1_(nullptr) {
  // In torchvision's order, so that the generator gives each of them the same weights.
  conv1_ = register_module("conv1", unbiased_convolution(3, 64, 7, 2));
  bn1_ = register_module("bn1", torch::nn::BatchNorm2d(64));
  constexpr std::array<std::int64_t, 4> kChannels = {64, 128, 256, 512};
  std::int64_t in = 64;
  for (std::size_t stage = 0; stage < kChannels.size(); ++stage) {
    const auto layer = register_module("layer" + std::to_string(stage + 1), std::make_shared<torch::nn::Module>());
    for (std::size_t index = 0; index < layout.depths[stage]; ++index) {
      const std::int64_t stride = stage > 0 && index == 0 ? 2 : 1;
      const bool basic = layout.block == ResNetLayout::Block::basic;
      const MadeBlock made = basic ? make_block<BasicBlock>(in, kChannels[stage], stride)
                                   : make_block<Bottleneck>(in, kChannels[stage], stride);
      blocks_.push_back(layer->register_module(std::to_string(index), made.block));
      in = made.out;
    }
  }
  fc_ = register_module("fc", torch::nn::Linear(in, classes));
  draw_convolutions(*this);
}

torch::Tensor ResNet::features(const torch::Tensor& inputs, const Dropout& /*dropout*/) {
  const WithoutSlowBf16 precision(kernels());
  // Channels last, like the weights: convolutions compute in this layout and would otherwise convert every tensor.
  torch::Tensor x = inputs.contiguous(at::MemoryFormat::ChannelsLast);
  x = bn1_(conv1_(x)).relu_();                                            // [N, 64, H / 2, W / 2]
  x = at::max_pool2d(x, /*kernel_size=*/3, /*stride=*/2, /*padding=*/1);  // [N, 64, H / 4, W / 4]
  for (const auto& block : blocks_) x = block->forward(x, kernels());     // [N, features, H / 32, W / 32]
  return at::adaptive_avg_pool2d(x, {1, 1}).flatten(1);                   // [N, features]
}

torch::Tensor ResNet::head(const torch::Tensor& features) {
  return fc_(features);
}

}  // namespace mnist
