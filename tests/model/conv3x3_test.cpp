// 3x3 convolutions, and ResNet-18 with them, with the kernels of each instruction set, compared with float64 and
// LibTorch's operators.
#include "conv3x3.hpp"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/function.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "mnist/device/runtime.hpp"
#include "mnist/model/registry.hpp"

#include "support/tensor_accuracy.hpp"

namespace mnist {
namespace {

using test::is_accurate;
using test::kWinograd;
using test::relative_error;
using test::rounding_error;

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

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
  double pixels() const { return static_cast<double>(count * height * width); }
};

struct Convolved {
  torch::Tensor result, by_images, by_weight;  // the last two: gradients
};

// By LibTorch's operator.
Convolved convolved(const torch::Tensor& images, const torch::Tensor& weight, const torch::Tensor& gradient,
                    at::ScalarType type) {
  torch::Tensor x = images.detach().to(type).requires_grad_();
  torch::Tensor w = weight.detach().to(type).requires_grad_();
  torch::Tensor result = at::conv2d(x, w, {}, 1, 1);
  result.backward(gradient.to(type));
  return {result, x.grad(), w.grad()};
}

TEST_P(EveryConv3x3, GiveAConvolutionAndItsGradients) {
  // Sides that are multiples of a tile's and others; several blocks of tiles that are computed together.
  for (const Size& size : {Size{4, 64, 64, 16, 16}, Size{2, 64, 64, 60, 52}, Size{3, 64, 128, 13, 30},
                           Size{7, 128, 64, 10, 9}, Size{50, 64, 64, 3, 2}, Size{1, 256, 192, 56, 13}}) {
    SCOPED_TRACE(testing::Message() << size.count << " x " << size.in << " x " << size.height << " x " << size.width);
    Conv3x3 conv = convolution(size.in, size.out);
    const torch::Tensor x = images(size.count, size.in, size.height, size.width);
    const torch::Tensor gradient = at::randn({size.count, size.out, size.height, size.width});
    const Convolved exact = convolved(x, conv.weight, gradient, at::kDouble);
    const Convolved libtorch = convolved(x, conv.weight, gradient, at::kFloat);

    torch::Tensor leaf = x.detach().requires_grad_();
    torch::Tensor result = conv.convolve(leaf, GetParam());
    EXPECT_NE(result.grad_fn()->name().find("Convolution"), std::string::npos) << "LibTorch's operator";
    EXPECT_EQ(result.grad_fn()->name().find("ConvolutionBackward0"), std::string::npos) << "LibTorch's operator";
    EXPECT_TRUE(result.is_contiguous(kChannelsLast));
    EXPECT_TRUE(is_accurate(result, libtorch.result, exact.result, {kWinograd, rounding_error(9.0 * size.in)}));
    result.backward(gradient);
    EXPECT_TRUE(
        is_accurate(leaf.grad(), libtorch.by_images, exact.by_images, {kWinograd, rounding_error(9.0 * size.out)}));
    EXPECT_TRUE(is_accurate(conv.weight.grad(), libtorch.by_weight, exact.by_weight,
                            {kWinograd, rounding_error(size.pixels())}));
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
    constexpr double kRounding = 1e-3;  // much more than rounding; changed weights give a completely different result
    return relative_error(conv.convolve(x, GetParam()), conv.forward(x)) < kRounding;
  };
  // Without changing LibTorch's version counter, like an optimizer's kernels.
  const auto change_behind_its_back = [&](float value) {
    std::fill_n(conv.weight.mutable_data_ptr<float>(), 5000, value);
  };
  conv.weight.set_requires_grad(false);
  EXPECT_TRUE(is_up_to_date());
  change_behind_its_back(0.1F);
  EXPECT_FALSE(is_up_to_date()) << "nothing is kept";
  conv.weight.mul_(2);  // in place, like loading a file
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
  const torch::Tensor gradient = at::ones_like(x);
  const Convolved exact = convolved(x, conv.weight, gradient, at::kDouble);
  const Convolved libtorch = convolved(x, conv.weight, gradient, at::kFloat);
  const int threads = at::get_num_threads();
  const auto on = [&](int count) {
    at::set_num_threads(count);
    conv.zero_grad();
    torch::Tensor result = conv.convolve(x, GetParam());
    result.backward(gradient);
    at::set_num_threads(threads);
    return std::pair(result.detach(), conv.weight.grad().clone());
  };
  const auto one = on(1);
  for (const int count : {2, 3, 16}) {
    const auto several = on(count);
    EXPECT_TRUE(at::equal(several.first, one.first)) << count;
    // Added up in another order.
    EXPECT_TRUE(
        is_accurate(several.second, libtorch.by_weight, exact.by_weight, {kWinograd, rounding_error(2 * 23 * 30)}))
        << count;
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

struct Pass {
  torch::Tensor logits;
  std::vector<torch::Tensor> gradients;
  std::vector<std::string> names;  // of the parameters that these belong to
};

// Of ResNet-18, whose BatchNorms add `shift`.
Pass pass(const Kernels* kernels, const torch::Tensor& photos, double shift, at::ScalarType type) {
  const auto network = make_network(model_info("resnet18"), 3, 1);
  network->use_kernels(kernels);
  network->to(type);
  for (const auto& parameter : network->named_parameters()) {
    const c10::AutoGradMode no_grad(false);
    if (parameter.key().ends_with("bias") && !parameter.key().starts_with("fc.")) parameter.value().add_(shift);
  }
  Pass result;
  result.logits = network->forward(photos.to(type), Dropout::off());
  if (!result.logits.requires_grad()) return result;
  at::nll_loss(at::log_softmax(result.logits, 1), at::arange(photos.size(0)).remainder(3)).backward();
  for (const auto& parameter : network->named_parameters()) {
    result.names.push_back(parameter.key());
    result.gradients.push_back(parameter.value().grad());
  }
  return result;
}

class ResNet18Passes : public testing::Test {
 protected:
  void SetUp() override { at::manual_seed(1); }

  const torch::Tensor photos_ = at::randn({12, 3, 112, 112});  // enough that three of four stages use the kernels
};

TEST_F(ResNet18Passes, HaveTheLogitsOfTheSums) {
  const c10::AutoGradMode no_grad(false);
  const Pass exact = pass(nullptr, photos_, 0, at::kDouble);
  const Pass libtorch = pass(nullptr, photos_, 0, at::kFloat);
  for (const Kernels* kernels : usable_kernels()) {
    const Pass ours = pass(kernels, photos_, 0, at::kFloat);
    EXPECT_TRUE(is_accurate(ours.logits, libtorch.logits, exact.logits, {kWinograd, rounding_error(512)}))
        << kernels->name;
  }
}

// How far off LibTorch's own gradient may be, with that shift: some two times what it is at most in the settings of
// scripts/imitate. BatchNorm takes off what all values have in common, so that of the sums that are a convolution's
// gradient, or a BatchNorm's own, most cancels: up to 2.1e-3. A bias before a convolution with BatchNorm would have the
// gradient 0 if it were not for the convolution's border: up to 8.8e-3. Nothing cancels after the last convolution.
double most_error_of_reference(const std::string& parameter) {
  constexpr double kUsual = 1e-4;
  constexpr double kCancels = 5e-3;
  constexpr double kCancelsButForTheBorder = 2e-2;
  const bool bias = parameter.ends_with(".bias");
  if (parameter.starts_with("fc.")) return kUsual;
  if (bias && parameter.starts_with("layer4.") && !parameter.ends_with(".bn1.bias")) return kUsual;
  return bias ? kCancelsButForTheBorder : kCancels;
}

// Some of millions of values are always so near zero that rounding decides the result of ReLU. Here BatchNorm moves all
// values away from zero.
TEST_F(ResNet18Passes, HaveTheGradientsOfTheSums) {
  constexpr double kShift = 10;  // of values whose variance is 1
  const Pass exact = pass(nullptr, photos_, kShift, at::kDouble);
  const Pass libtorch = pass(nullptr, photos_, kShift, at::kFloat);
  for (const Kernels* kernels : usable_kernels()) {
    SCOPED_TRACE(kernels->name);
    const Pass ours = pass(kernels, photos_, kShift, at::kFloat);
    for (std::size_t i = 0; i < exact.gradients.size(); ++i) {
      EXPECT_TRUE(is_accurate(ours.gradients[i], libtorch.gradients[i], exact.gradients[i],
                              {kWinograd, rounding_error(512), most_error_of_reference(exact.names[i])}))
          << exact.names[i];
    }
  }
}

// Whether this processor multiplies bf16 faster than fp32, from CPUID: AMX that the system enables, or AMD's
// AVX512-BF16. The program itself reads it from Linux.
bool cpu_is_fast_in_bf16() {
#if defined(__x86_64__)
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  __get_cpuid(0, &eax, &ebx, &ecx, &edx);
  const bool is_amd = ebx == signature_AMD_ebx && ecx == signature_AMD_ecx && edx == signature_AMD_edx;
  __get_cpuid(1, &eax, &ebx, &ecx, &edx);
  if ((ecx & bit_OSXSAVE) == 0) return false;
  unsigned saved = 0;  // registers that the system saves
  __asm__("xgetbv" : "=a"(saved), "=d"(edx) : "c"(0));
  const auto saves = [&](unsigned registers) { return (saved & registers) == registers; };
  __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
  const bool has_amx_bf16 = (edx >> 22 & 1) != 0 && saves(0x60000);
  if (eax == 0 || __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) == 0) return has_amx_bf16;
  const bool has_avx512_bf16 = (eax >> 5 & 1) != 0 && saves(0xE6);
  return has_amx_bf16 || (is_amd && has_avx512_bf16);
#else
  return false;
#endif
}

TEST(Conv3x3, Bf16LeavesResNet18sConvolutionsInFp32WhereTheCpuIsSlowerInIt) {
  at::manual_seed(1);
  const torch::Tensor photos = at::randn({2, 3, 64, 64});
  const auto network = make_network(model_info("resnet18"), 3, 1);
  network->eval();
  const c10::AutoGradMode no_grad(false);
  const auto features = [&](const Kernels* kernels, Precision precision) {
    network->use_kernels(kernels);
    const PrecisionScope scope(precision, c10::kCPU);
    return network->features(photos, Dropout::off());
  };
  const torch::Tensor in_bf16 = features(nullptr, Precision::bf16);
  EXPECT_EQ(in_bf16.scalar_type(), at::kBFloat16);
  for (const Kernels* kernels : usable_kernels()) {
    SCOPED_TRACE(kernels->name);
    const torch::Tensor in_fp32 = features(kernels, Precision::fp32);
    EXPECT_EQ(in_fp32.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(features(kernels, Precision::bf16), cpu_is_fast_in_bf16() ? in_bf16 : in_fp32));
  }
}

}  // namespace
}  // namespace mnist
