#include "convnet.hpp"

#include <ATen/ATen.h>

namespace mnist {

ConvNet::ConvNet(std::int64_t classes)
    : Network("MyAwesomeModel"),
      conv1_(torch::nn::Conv2dOptions(1, 32, 3)),
      conv2_(torch::nn::Conv2dOptions(32, 64, 3)),
      conv3_(torch::nn::Conv2dOptions(64, 128, 3)),
      fc1_(128, classes) {
  register_module("conv1", conv1_);
  register_module("conv2", conv2_);
  register_module("conv3", conv3_);
  register_module("fc1", fc1_);
}

torch::Tensor ConvNet::features(const torch::Tensor& inputs, const Dropout& dropout) {
  torch::Tensor x = at::max_pool2d(at::relu(conv1_(inputs)), 2);  // [N, 32, 13, 13]
  x = at::max_pool2d(at::relu(conv2_(x)), 2);                     // [N, 64, 5, 5]
  x = at::max_pool2d(at::relu(conv3_(x)), 2);                     // [N, 128, 1, 1]
  return dropout(x.flatten(1), 0.5, 0);                           // [N, 128]
}

torch::Tensor ConvNet::head(const torch::Tensor& features) {
  return fc1_(features);
}

}  // namespace mnist
