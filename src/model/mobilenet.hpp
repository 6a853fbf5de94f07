// MobileNetV3-Small (A. Howard et al., "Searching for MobileNetV3", arXiv 1905.02244) with torchvision's names, initial
// weights and arithmetic: 2,542,856 parameters for 1000 classes, 1,519,906 for 2.
#pragma once

#include <memory>
#include <vector>

#include <torch/nn/modules/linear.h>

#include "mnist/model/network.hpp"

namespace mnist {

// A part of the network: feature maps in, feature maps out.
class ImageLayer : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const torch::Tensor& inputs) = 0;
};

class MobileNetV3Small : public Network {
 public:
  explicit MobileNetV3Small(std::int64_t classes);

  // `inputs`: [N, 3, H, W], H and W at least 32, 224 in training. Returns [N, 1024].
  torch::Tensor features(const torch::Tensor& inputs, const Dropout& dropout) override;
  torch::Tensor head(const torch::Tensor& features) override;

 private:
  std::vector<std::shared_ptr<ImageLayer>> layers_;
  torch::nn::Linear hidden_{nullptr};
  torch::nn::Linear last_{nullptr};
};

}  // namespace mnist
