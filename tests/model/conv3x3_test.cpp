// 3x3 convolutions, and with them ResNet-18, on each instruction set's kernels beside LibTorch's operators.
#include "conv3x3.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/function.h>

#include "mnist/core/process.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/model/registry.hpp"

#include "support/relative_difference.hpp"

namespace mnist {
namespace {

using test::relative_difference;

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

constexpr double kRounding = 4e-6;  // of Winograd's transforms: 2.3e-6 was seen, LibTorch's direct sum has 4e-7 to 8e-7

Conv3x3 convolution(std::int64_t in, std::int64_t out) {
  Conv3x3 conv(in, out);
  const c10::AutoGradMode no_grad(false);
  conv.weight.set_data((at::randn({out, in, 3, 3}) * 0.05).contiguous(kChannelsLast));
  return conv;
}

torch::Tensor images(std::int64_t count, std::int64_t channels, std::int64_t height, std::int64_t width) {
  return at::randn({count, channels, height, width}).contiguous(kChannelsLast);
}

class EveryConv3x3 : public testing::TestWithParam<const Kernels*> {
 protected:
  void SetUp() override { at::manual_seed(1); }
};

INSTANTIATE_TEST_SUITE_P(Usable, EveryConv3x3, testing::ValuesIn(usable_kernels()),
                         [](const auto& instance) { return std::string(instance.param->name); });

struct Size {
  std::int64_t count, in, out, height, width;
};

TEST_P(EveryConv3x3, GiveAConvolutionAndItsGradients) {
  // Sides that are multiples of a tile's and others; several blocks of tiles that are computed together.
  for (const Size& size : {Size{4, 64, 64, 16, 16}, Size{2, 64, 64, 60, 52}, Size{3, 64, 128, 13, 30},
                           Size{7, 128, 64, 10, 9}, Size{50, 64, 64, 3, 2}, Size{1, 256, 192, 56, 13}}) {
    SCOPED_TRACE(testing::Message() << size.count << " x " << size.in << " x " << size.height << " x " << size.width);
    Conv3x3 conv = convolution(size.in, size.out);
    torch::Tensor x = images(size.count, size.in, size.height, size.width).requires_grad_();
    torch::Tensor exact_x = x.detach().to(at::kDouble).requires_grad_();
    torch::Tensor exact_weight = conv.weight.detach().to(at::kDouble).requires_grad_();

    torch::Tensor result = conv.convolve(x, GetParam());
    EXPECT_NE(result.grad_fn()->name().find("Convolution"), std::string::npos) << "LibTorch's operator";
    EXPECT_EQ(result.grad_fn()->name().find("ConvolutionBackward0"), std::string::npos) << "LibTorch's operator";
    EXPECT_TRUE(result.is_contiguous(kChannelsLast));
    torch::Tensor exact = at::conv2d(exact_x, exact_weight, {}, 1, 1);
    EXPECT_LT(relative_difference(result, exact), kRounding);

    const torch::Tensor gradient = at::randn(result.sizes());
    result.backward(gradient);
    exact.backward(gradient.to(at::kDouble));
    EXPECT_LT(relative_difference(x.grad(), exact_x.grad()), kRounding);
    EXPECT_LT(relative_difference(conv.weight.grad(), exact_weight.grad()), kRounding);
    EXPECT_TRUE(conv.weight.grad().is_contiguous(kChannelsLast)) << "optimizers want the weight's order";
  }
}

TEST_P(EveryConv3x3, GiveTheSameBytesTwiceAndWithoutAGradient) {
  Conv3x3 conv = convolution(64, 64);
  const torch::Tensor x = images(5, 64, 18, 18);
  const auto run = [&] {
    conv.zero_grad();
    torch::Tensor result = conv.convolve(x, GetParam());
    result.sum().backward();
    return std::pair(result.detach(), conv.weight.grad().clone());
  };
  const auto first = run();
  const auto second = run();
  EXPECT_TRUE(at::equal(first.first, second.first));
  EXPECT_TRUE(at::equal(first.second, second.second));
  const c10::AutoGradMode no_grad(false);
  EXPECT_TRUE(at::equal(conv.convolve(x, GetParam()), first.first));
}

TEST_P(EveryConv3x3, SeeThatFrozenWeightsHaveChanged) {
  Conv3x3 conv = convolution(64, 64);
  const torch::Tensor x = images(4, 64, 16, 16);
  const auto is_up_to_date = [&] {
    return relative_difference(conv.convolve(x, GetParam()), conv.forward(x).to(at::kDouble)) < kRounding;
  };
  // Past LibTorch's count of changes, as an optimizer's kernels do it.
  const auto change_behind_its_back = [&](float value) {
    std::fill_n(conv.weight.mutable_data_ptr<float>(), 5000, value);
  };
  conv.weight.set_requires_grad(false);
  EXPECT_TRUE(is_up_to_date());
  change_behind_its_back(0.1F);
  EXPECT_FALSE(is_up_to_date()) << "nothing is kept";
  conv.weight.mul_(2);  // what loading a file does: in place
  EXPECT_TRUE(is_up_to_date());
  conv.weight.set_data(conv.weight.clone() * 2);
  EXPECT_TRUE(is_up_to_date());
  conv.weight.set_requires_grad(true);
  EXPECT_TRUE(is_up_to_date());
  change_behind_its_back(-0.2F);
  conv.weight.set_requires_grad(false);
  EXPECT_TRUE(is_up_to_date()) << "trained in between";
}

TEST_P(EveryConv3x3, GiveTheSameOnAnyNumberOfThreads) {
  Conv3x3 conv = convolution(64, 64);
  const torch::Tensor x = images(2, 64, 23, 30);
  const int threads = at::get_num_threads();
  const auto on = [&](int count) {
    at::set_num_threads(count);
    conv.zero_grad();
    torch::Tensor result = conv.convolve(x, GetParam());
    result.sum().backward();
    at::set_num_threads(threads);
    return std::pair(result.detach(), conv.weight.grad().clone());
  };
  const auto one = on(1);
  for (const int count : {2, 3, 16}) {
    const auto several = on(count);
    EXPECT_TRUE(at::equal(several.first, one.first)) << count;
    // Added up in another order.
    EXPECT_LT(relative_difference(several.second, one.second.to(at::kDouble)), kRounding) << count;
  }
}

TEST(Conv3x3, LeavesTheRestToLibTorch) {
  const Kernels* const kernels = usable_kernels().front();
  const auto left = [&](Conv3x3& conv, const torch::Tensor& x) {
    return at::equal(conv.convolve(x, kernels), conv.forward(x));
  };
  at::manual_seed(1);
  Conv3x3 conv = convolution(64, 64);
  EXPECT_FALSE(left(conv, images(4, 64, 16, 16)));
  EXPECT_TRUE(left(conv, images(2, 64, 16, 16))) << "too few tiles";
  EXPECT_EQ(conv.convolve(images(0, 64, 16, 16), kernels).sizes(), at::IntArrayRef({0, 64, 16, 16}));
  EXPECT_ANY_THROW(conv.convolve(images(4, 128, 16, 16), kernels)) << "other channels than the weight's";
  EXPECT_TRUE(left(conv, at::randn({4, 64, 16, 16}))) << "channels first";
  Conv3x3 narrow = convolution(64, 80);
  EXPECT_TRUE(left(narrow, images(4, 64, 16, 16))) << "80 channels";
  Conv3x3 strided(64, 64, 2);
  EXPECT_TRUE(left(strided, images(4, 64, 32, 32).contiguous(kChannelsLast)));
  EXPECT_EQ(strided.convolve(images(4, 64, 32, 32), kernels).sizes(), at::IntArrayRef({4, 64, 16, 16}));

  at::autocast::set_autocast_enabled(at::kCPU, true);
  EXPECT_EQ(conv.convolve(images(4, 64, 16, 16), kernels).scalar_type(), at::kBFloat16);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
}

TEST_P(EveryConv3x3, GiveResNet18WhatLibTorchsOperatorsGiveIt) {
  struct Pass {
    torch::Tensor logits;
    std::vector<torch::Tensor> gradients;
  };
  const torch::Tensor photos = at::randn({12, 3, 128, 128});
  const auto pass = [&](const Kernels* kernels) {
    const auto network = make_network(model_info("resnet18"), 3, 1);
    network->use_kernels(kernels);
    Pass result;
    result.logits = network->forward(photos, Dropout::off());
    at::nll_loss(at::log_softmax(result.logits, 1), at::arange(12).remainder(3)).backward();
    for (const torch::Tensor& parameter : network->parameters()) result.gradients.push_back(parameter.grad());
    return result;
  };
  const Pass plain = pass(nullptr);
  const Pass ours = pass(GetParam());
  EXPECT_LT(relative_difference(ours.logits, plain.logits), 1e-4);
  // BatchNorm over few values makes large gradients of small differences, and ReLU cuts some of them off.
  for (std::size_t i = 0; i < plain.gradients.size(); ++i) {
    EXPECT_LT(relative_difference(ours.gradients[i], plain.gradients[i]), 2e-2) << "parameter " << i;
  }
}

TEST(Conv3x3, Bf16LeavesResNet18sConvolutionsInFp32WhereTheCpuIsSlowerInIt) {
  const torch::Tensor photos = at::randn({2, 3, 64, 64});
  const auto network = make_network(model_info("resnet18"), 3, 1);
  const c10::AutoGradMode no_grad(false);
  const auto features = [&](const Kernels* kernels, Precision precision) {
    network->use_kernels(kernels);
    const PrecisionScope scope(precision, c10::kCPU);
    return network->features(photos, Dropout::off());
  };
  const Kernels* const kernels = usable_kernels().front();
  EXPECT_EQ(features(kernels, Precision::fp32).scalar_type(), at::kFloat);
  EXPECT_EQ(features(kernels, Precision::bf16).scalar_type(), has_fast_bf16() ? at::kBFloat16 : at::kFloat);
  EXPECT_EQ(features(nullptr, Precision::bf16).scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace mnist
