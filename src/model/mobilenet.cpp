#include "mobilenet.hpp"

#include <array>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include "photo_layers.hpp"

namespace mnist {
namespace {

enum class Activation { none, relu, hardswish };

torch::Tensor activate(const torch::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return at::relu(x);
    case Activation::hardswish:
      return at::hardswish(x);
  }
  return x;
}

// A convolution, a BatchNorm, an activation: torchvision's Conv2dNormActivation.
class NormedConvolution : public ImageLayer {
 public:
  NormedConvolution(torch::nn::Conv2d convolution, Activation activation)
      : convolution_(std::move(convolution)),
        norm_(torch::nn::BatchNorm2dOptions(convolution_->options.out_channels()).eps(0.001).momentum(0.01)),
        activation_(activation) {
    register_module("0", convolution_);
    register_module("1", norm_);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    return activate(norm_(convolution_(inputs)), activation_);
  }

 private:
  torch::nn::Conv2d convolution_;
  torch::nn::BatchNorm2d norm_;
  Activation activation_;
};

// Squeeze-excitation: scales each channel by a function of the means of all channels (J. Hu et al., arXiv 1709.01507).
class SqueezeExcitation : public ImageLayer {
 public:
  SqueezeExcitation(std::int64_t channels, std::int64_t squeezed)
      : fc1_(torch::nn::Conv2dOptions(channels, squeezed, 1)), fc2_(torch::nn::Conv2dOptions(squeezed, channels, 1)) {
    register_module("fc1", fc1_);
    register_module("fc2", fc2_);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    const torch::Tensor means = at::adaptive_avg_pool2d(inputs, {1, 1});
    return inputs * at::hardsigmoid(fc2_(at::relu(fc1_(means))));
  }

 private:
  torch::nn::Conv2d fc1_;
  torch::nn::Conv2d fc2_;
};

// A row of the paper's table 2.
struct Row {
  std::int64_t in;
  std::int64_t kernel;
  std::int64_t expanded;  // channels of the depthwise convolution
  std::int64_t out;
  std::int64_t squeezed;  // channels between the two layers of the squeeze-excitation; 0: there is none
  Activation activation;
  std::int64_t stride;
};

constexpr auto kRelu = Activation::relu;
constexpr auto kHardswish = Activation::hardswish;

// The squeezed channels are a quarter, rounded to a multiple of 8.
constexpr std::array<Row, 11> kRows = {{{16, 3, 16, 16, 8, kRelu, 2},
                                        {16, 3, 72, 24, 0, kRelu, 2},
                                        {24, 3, 88, 24, 0, kRelu, 1},
                                        {24, 5, 96, 40, 24, kHardswish, 2},
                                        {40, 5, 240, 40, 64, kHardswish, 1},
                                        {40, 5, 240, 40, 64, kHardswish, 1},
                                        {40, 5, 120, 48, 32, kHardswish, 1},
                                        {48, 5, 144, 48, 40, kHardswish, 1},
                                        {48, 5, 288, 96, 72, kHardswish, 2},
                                        {96, 5, 576, 96, 144, kHardswish, 1},
                                        {96, 5, 576, 96, 144, kHardswish, 1}}};

// Inverted residual block: expands the channels, depthwise convolution, projects them back; with a shortcut if the
// sizes agree.
class InvertedResidual : public ImageLayer {
 public:
  explicit InvertedResidual(const Row& row) : around_(row.stride == 1 && row.in == row.out) {
    const auto block = register_module("block", std::make_shared<torch::nn::Module>());
    const auto add = [&](std::shared_ptr<ImageLayer> layer) {
      layers_.push_back(block->register_module(std::to_string(layers_.size()), std::move(layer)));
    };
    const auto add_convolution = [&](torch::nn::Conv2d layer, Activation activation) {
      add(std::make_shared<NormedConvolution>(std::move(layer), activation));
    };
    if (row.expanded != row.in) add_convolution(unbiased_convolution(row.in, row.expanded, 1, 1), row.activation);
    add_convolution(unbiased_convolution(row.expanded, row.expanded, row.kernel, row.stride, row.expanded),
                    row.activation);
    if (row.squeezed > 0) add(std::make_shared<SqueezeExcitation>(row.expanded, row.squeezed));
    add_convolution(unbiased_convolution(row.expanded, row.out, 1, 1), Activation::none);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    torch::Tensor x = inputs;
    for (const auto& layer : layers_) x = layer->forward(x);
    return around_ ? x.add_(inputs) : x;
  }

 private:
  bool around_;
  std::vector<std::shared_ptr<ImageLayer>> layers_;
};

// torchvision's initialisation of these Linear layers.
void draw_linear(torch::nn::Linear& layer) {
  torch::nn::init::normal_(layer->weight, 0, 0.01);
  torch::nn::init::zeros_(layer->bias);
}

}  // namespace

MobileNetV3Small::MobileNetV3Small(std::int64_t classes) : Network("MobileNetV3") {
  constexpr std::int64_t kHidden = 1024;
  // In torchvision's order, so that the generator gives each of them the same weights.
  const auto body = register_module("features", std::make_shared<torch::nn::Module>());
  const auto add = [&](std::shared_ptr<ImageLayer> layer) {
    layers_.push_back(body->register_module(std::to_string(layers_.size()), std::move(layer)));
  };
  add(std::make_shared<NormedConvolution>(unbiased_convolution(3, kRows.front().in, 3, 2), kHardswish));
  for (const Row& row : kRows) add(std::make_shared<InvertedResidual>(row));
  const std::int64_t channels = 6 * kRows.back().out;
  add(std::make_shared<NormedConvolution>(unbiased_convolution(kRows.back().out, channels, 1, 1), kHardswish));
  const auto classifier = register_module("classifier", std::make_shared<torch::nn::Module>());
  hidden_ = classifier->register_module("0", torch::nn::Linear(channels, kHidden));
  last_ = classifier->register_module("3", torch::nn::Linear(kHidden, classes));
  draw_convolutions(*this);
  draw_linear(hidden_);
  draw_linear(last_);
}

torch::Tensor MobileNetV3Small::features(const torch::Tensor& inputs, const Dropout& dropout) {
  const WithoutSlowBf16 precision(kernels());
  // Channels last, like the weights.
  torch::Tensor x = inputs.contiguous(at::MemoryFormat::ChannelsLast);
  for (const auto& layer : layers_) x = layer->forward(x);  // [N, 576, H / 32, W / 32]
  x = at::adaptive_avg_pool2d(x, {1, 1}).flatten(1);        // [N, 576]
  return dropout(at::hardswish(hidden_(x)), 0.2, 0);        // [N, 1024]
}

torch::Tensor MobileNetV3Small::head(const torch::Tensor& features) {
  return last_(features);
}

}  // namespace mnist
