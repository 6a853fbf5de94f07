#include "cnn.hpp"

#include <ATen/ATen.h>

namespace mnist {

Cnn::Cnn(std::int64_t classes)
    : Network("Net"),
      conv1_(torch::nn::Conv2dOptions(1, 32, 3)),
      conv2_(torch::nn::Conv2dOptions(32, 64, 3)),
      fc1_(9216, 128),
      fc2_(128, classes) {
  register_module("conv1", conv1_);
  register_module("conv2", conv2_);
  register_module("fc1", fc1_);
  register_module("fc2", fc2_);
}

torch::Tensor Cnn::features(const torch::Tensor& inputs, const Dropout& dropout) {
  torch::Tensor x = at::relu(conv1_(inputs));  // [N, 32, 26, 26]
  x = at::relu(conv2_(x));                     // [N, 64, 24, 24]
  x = at::max_pool2d(x, 2);                    // [N, 64, 12, 12]
  x = dropout(x, 0.25, 0).flatten(1);          // [N, 9216]
  x = at::relu(fc1_(x));                       // [N, 128]
  return dropout(x, 0.5, 1);                   // [N, 128]
}

torch::Tensor Cnn::head(const torch::Tensor& features) {
  return fc2_(features);
}

}  // namespace mnist
