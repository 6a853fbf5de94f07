#include "lenet.hpp"

#include <ATen/ATen.h>

namespace mnist {

LeNet::LeNet(std::int64_t classes)
    : Network("Net"),
      conv1_(torch::nn::Conv2dOptions(1, 20, 5)),
      conv2_(torch::nn::Conv2dOptions(20, 50, 5)),
      fc1_(800, 500),
      fc2_(500, classes) {
  register_module("conv1", conv1_);
  register_module("conv2", conv2_);
  register_module("fc1", fc1_);
  register_module("fc2", fc2_);
}

torch::Tensor LeNet::features(const torch::Tensor& inputs, const Dropout& /*dropout*/) {
  torch::Tensor x = at::max_pool2d(at::relu(conv1_(inputs)), 2);  // [N, 20, 12, 12]
  x = at::max_pool2d(at::relu(conv2_(x)), 2);                     // [N, 50, 4, 4]
  return at::relu(fc1_(x.flatten(1)));                            // [N, 500]
}

torch::Tensor LeNet::head(const torch::Tensor& features) {
  return fc2_(features);
}

}  // namespace mnist
