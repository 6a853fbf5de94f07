// The network of the MNIST tutorial (pytorch/examples, mnist/main.py, class Net): 1,199,882 parameters for 10 classes.
#pragma once

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include "mnist/model/network.hpp"

#include "dense.hpp"
#include "packed_weights.hpp"

namespace mnist {

class Cnn : public Network {
 public:
  explicit Cnn(std::int64_t classes);

  // `inputs`: [N, 1, 28, 28]. Returns [N, 128].
  torch::Tensor features(const torch::Tensor& inputs, const Dropout& dropout) override;
  torch::Tensor head(const torch::Tensor& features) override;

 private:
  // Up to the first dropout: [N, 9216].
  torch::Tensor pooled(const torch::Tensor& inputs, const Dropout& dropout);

  torch::nn::Conv2d conv1_;
  torch::nn::Conv2d conv2_;
  PackedWeights packed_convolutions_;
  std::shared_ptr<Dense> fc1_;
  torch::nn::Linear fc2_;
};

}  // namespace mnist
