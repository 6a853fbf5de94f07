// The network of the corrupted-MNIST exercise (SkafteNicki/dtu_mlops): 93,962 parameters for 10 classes.
#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "mnist/model/network.hpp"

namespace mnist {

class ConvNet : public Network {
 public:
  explicit ConvNet(std::int64_t classes);

  // `inputs`: [N, 1, 28, 28]. Returns [N, 128].
  torch::Tensor features(const torch::Tensor& inputs, const Dropout& dropout) override;
  torch::Tensor head(const torch::Tensor& features) override;

 private:
  torch::nn::Conv2d conv1_;
  torch::nn::Conv2d conv2_;
  torch::nn::Conv2d conv3_;
  torch::nn::Linear fc1_;
};

}  // namespace mnist
