// ResNet-18 (K. He et al., "Deep Residual Learning for Image Recognition", arXiv 1512.03385) with torchvision's names,
// initial weights and arithmetic: 11,689,512 parameters for 1000 classes, 11,177,538 for 2.
#pragma once

#include <array>
#include <memory>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "mnist/model/network.hpp"

#include "conv3x3.hpp"

namespace mnist {

// Two 3x3 convolutions and a way around them.
class BasicBlock : public torch::nn::Module {
 public:
  BasicBlock(std::int64_t in, std::int64_t out, std::int64_t stride);

  // [N, in, H, W] to [N, out, H / stride, W / stride]
  torch::Tensor forward(const torch::Tensor& inputs, const Kernels* kernels);

 private:
  // The 1x1 convolution of the way around, where size or channels change; torchvision's Sequential of two.
  struct Downsample : torch::nn::Module {
    Downsample(std::int64_t in, std::int64_t out, std::int64_t stride);
    torch::nn::Conv2d conv;
    torch::nn::BatchNorm2d bn;
  };

  std::shared_ptr<Downsample> downsample_;  // first: its weights are drawn first; may be nullptr
  std::shared_ptr<Conv3x3> conv1_;
  torch::nn::BatchNorm2d bn1_;
  std::shared_ptr<Conv3x3> conv2_;
  torch::nn::BatchNorm2d bn2_;
};

class ResNet18 : public Network {
 public:
  explicit ResNet18(std::int64_t classes);

  // `inputs`: [N, 3, H, W], H and W at least 32, 224 in training. Returns [N, 512].
  torch::Tensor features(const torch::Tensor& inputs, const Dropout& dropout) override;
  torch::Tensor head(const torch::Tensor& features) override;

 private:
  torch::nn::Conv2d conv1_;
  torch::nn::BatchNorm2d bn1_;
  std::array<std::shared_ptr<BasicBlock>, 8> blocks_;
  torch::nn::Linear fc_{nullptr};
};

}  // namespace mnist
