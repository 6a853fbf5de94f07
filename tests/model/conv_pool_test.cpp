// The CNN on each instruction set's kernels beside LibTorch's operators.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/function.h>

#include "mnist/model/registry.hpp"

#include "support/relative_difference.hpp"

namespace mnist {
namespace {

using test::relative_difference;

struct Pass {
  torch::Tensor logits;
  std::vector<torch::Tensor> gradients;
};

Pass pass(const Kernels* kernels, const torch::Tensor& images, const Dropout& dropout) {
  const auto network = make_network(model_info("cnn"), 10, 1);
  network->use_kernels(kernels);
  Pass result;
  result.logits = network->forward(images, dropout);
  at::nll_loss(at::log_softmax(result.logits, 1), at::arange(images.size(0)).remainder(10)).backward();
  for (const torch::Tensor& parameter : network->parameters()) result.gradients.push_back(parameter.grad());
  return result;
}

class EveryKernels : public testing::TestWithParam<const Kernels*> {};

INSTANTIATE_TEST_SUITE_P(Usable, EveryKernels, testing::ValuesIn(usable_kernels()),
                         [](const auto& instance) { return std::string(instance.param->name); });

TEST_P(EveryKernels, GiveTheCnnWhatLibTorchsOperatorsGiveIt) {
  at::manual_seed(3);
  // Few images: of many windows one has two values so close that rounding decides which is the larger, and its gradient
  // goes another way.
  for (const std::int64_t count : {1, 3, 8}) {
    const torch::Tensor images = at::randn({count, 1, 28, 28});
    const Pass plain = pass(nullptr, images, Dropout(1, 1, 0));
    const Pass fused = pass(GetParam(), images, Dropout(1, 1, 0));
    EXPECT_LT(relative_difference(fused.logits, plain.logits), 1e-6) << count;
    for (std::size_t i = 0; i < plain.gradients.size(); ++i) {
      EXPECT_LT(relative_difference(fused.gradients[i], plain.gradients[i]), 3e-6) << "parameter " << i;
    }
  }
}

TEST_P(EveryKernels, GiveTheSameWithoutAGradient) {
  const torch::Tensor images = at::rand({5, 1, 28, 28});
  const auto network = make_network(model_info("cnn"), 10, 1);
  network->use_kernels(GetParam());
  const torch::Tensor with = network->forward(images, Dropout::off());
  const c10::AutoGradMode no_grad(false);
  EXPECT_TRUE(at::equal(network->forward(images, Dropout::off()), with));
  EXPECT_EQ(network->forward(at::empty({0, 1, 28, 28}), Dropout::off()).sizes(), at::IntArrayRef({0, 10}));
}

TEST_P(EveryKernels, GiveTheSameBytesTwice) {
  const torch::Tensor images = at::rand({33, 1, 28, 28});
  const Pass first = pass(GetParam(), images, Dropout(1, 1, 0));
  const Pass second = pass(GetParam(), images, Dropout(1, 1, 0));
  EXPECT_TRUE(at::equal(first.logits, second.logits));
  for (std::size_t i = 0; i < first.gradients.size(); ++i) {
    EXPECT_TRUE(at::equal(first.gradients[i], second.gradients[i])) << i;
  }
}

// Whether a function of that name made the tensor, or what it was made from.
bool made_by(const std::string& name, const torch::autograd::Node* node) {
  if (node == nullptr) return false;
  if (node->name().find(name) != std::string::npos) return true;
  return std::ranges::any_of(node->next_edges(), [&](const auto& edge) { return made_by(name, edge.function.get()); });
}

TEST(ConvPool, IsWhatTheCnnComputesWithUnlessToldOtherwise) {
  const auto network = make_network(model_info("cnn"), 10, 1);
  const torch::Tensor images = at::rand({2, 1, 28, 28});
  EXPECT_TRUE(made_by("ConvPool", network->forward(images, Dropout::off()).grad_fn().get()));
  network->use_kernels(nullptr);
  EXPECT_FALSE(made_by("ConvPool", network->forward(images, Dropout::off()).grad_fn().get()));
}

// What the kernels do not do is left to LibTorch.
TEST(ConvPool, LeavesOtherTypesAndGradientsByTheImagesToLibTorch) {
  const auto network = make_network(model_info("cnn"), 10, 1);
  torch::Tensor images = at::rand({2, 1, 28, 28}).requires_grad_();
  network->forward(images, Dropout::off()).sum().backward();
  EXPECT_GT(images.grad().abs().sum().item<double>(), 0);
  network->to(at::kDouble);
  EXPECT_EQ(network->forward(at::rand({2, 1, 28, 28}, at::kDouble), Dropout::off()).scalar_type(), at::kDouble);
}

}  // namespace
}  // namespace mnist
