#include "cnn.hpp"

#include <ATen/ATen.h>

#include "conv_pool.hpp"

namespace mnist {

Cnn::Cnn(std::int64_t classes)
    : Network("Net"),
      conv1_(torch::nn::Conv2dOptions(1, 32, 3)),
      conv2_(torch::nn::Conv2dOptions(32, 64, 3)),
      fc1_(std::make_shared<Dense>(9216, 128)),
      fc2_(128, classes) {
  register_module("conv1", conv1_);
  register_module("conv2", conv2_);
  register_module("fc1", fc1_);
  register_module("fc2", fc2_);
}

torch::Tensor Cnn::pooled(const torch::Tensor& inputs, const Dropout& dropout) {
  constexpr double kDropped = 0.25;
  constexpr int kLayer = 0;
  const ConvPoolWeights weights = {conv1_->weight, conv1_->bias, conv2_->weight, conv2_->bias};
  if (kernels() != nullptr && conv_pool_takes(inputs, weights)) {
    const torch::Tensor packed =
        packed_convolutions_.get(*kernels(), {weights.weight1, weights.bias1, weights.weight2, weights.bias2},
                                 [&] { return packed_conv_pool(*kernels(), weights); });
    return apply_conv_pool(*kernels(), inputs, weights, packed, dropout.layer(kDropped, kLayer));
  }
  const torch::Tensor x = conv2_(at::relu(conv1_(inputs)));  // [N, 64, 24, 24]
  return dropout.after_relu_and_pool(x, kDropped, kLayer);   // [N, 9216]
}

torch::Tensor Cnn::features(const torch::Tensor& inputs, const Dropout& dropout) {
  return dropout.after_relu(fc1_->apply(pooled(inputs, dropout), kernels()), 0.5, 1);  // [N, 128]
}

torch::Tensor Cnn::head(const torch::Tensor& features) {
  return fc2_(features);
}

}  // namespace mnist
