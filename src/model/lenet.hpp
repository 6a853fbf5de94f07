// The LeNet-like network of CHTC's GPU templates (CHTC/templates-GPUs, shared/pytorch/main.py): 431,080 parameters for
// 10 classes, no dropout.
#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "mnist/model/network.hpp"

namespace mnist {

class LeNet : public Network {
 public:
  explicit LeNet(std::int64_t classes);

  // `inputs`: [N, 1, 28, 28]. Returns [N, 500].
  torch::Tensor features(const torch::Tensor& inputs, const Dropout& dropout) override;
  torch::Tensor head(const torch::Tensor& features) override;

 private:
  torch::nn::Conv2d conv1_;
  torch::nn::Conv2d conv2_;
  torch::nn::Linear fc1_;
  torch::nn::Linear fc2_;
};

}  // namespace mnist
