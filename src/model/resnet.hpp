// ResNets (K. He et al., "Deep Residual Learning for Image Recognition", arXiv 1512.03385) with torchvision's names,
// initial weights and arithmetic. Parameters for 1000 classes, and for 2: ResNet-18 11,689,512 and 11,177,538,
// ResNet-34 21,797,672 and 21,285,698, ResNet-50 25,557,032 and 23,512,130.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "mnist/model/network.hpp"

namespace mnist {

// A residual block: convolutions and a shortcut.
class ResidualBlock : public torch::nn::Module {
 public:
  // [N, in, H, W] to [N, out, H / stride, W / stride], rounded up.
  virtual torch::Tensor forward(const torch::Tensor& inputs, const Kernels* kernels) = 0;
};

// The blocks of a network.
struct ResNetLayout {
  // basic: two 3x3 convolutions. bottleneck: a 3x3 convolution between two 1x1 ones.
  enum class Block { basic, bottleneck };
  Block block = Block::basic;
  std::array<std::size_t, 4> depths;  // blocks of each stage
};

class ResNet : public Network {
 public:
  ResNet(const ResNetLayout& layout, std::int64_t classes);

  // `inputs`: [N, 3, H, W], H and W at least 32, 224 in training. Returns [N, 512], of bottlenecks [N, 2048].
  torch::Tensor features(const torch::Tensor& inputs, const Dropout& dropout) override;
  torch::Tensor head(const torch::Tensor& features) override;

 private:
  torch::nn::Conv2d conv1_;
  torch::nn::BatchNorm2d bn1_;
  std::vector<std::shared_ptr<ResidualBlock>> blocks_;
  torch::nn::Linear fc_{nullptr};
};

}  // namespace mnist
