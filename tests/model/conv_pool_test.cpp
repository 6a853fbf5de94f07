// The CNN with the kernels of each instruction set, compared with float64 and LibTorch's operators.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/function.h>

#include "mnist/model/registry.hpp"

#include "support/hashed.hpp"
#include "support/tensor_accuracy.hpp"

namespace mnist {
namespace {

using test::is_accurate;
using test::kWinograd;
using test::rounding_error;

struct CnnPass {
  torch::Tensor logits;
  std::vector<torch::Tensor> gradients;
};

CnnPass cnn_pass(const Kernels* kernels, const torch::Tensor& images, at::ScalarType type = at::kFloat) {
  const auto network = make_network(model_info("cnn"), 10, 1);
  network->use_kernels(kernels);
  network->to(type);
  CnnPass result;
  result.logits = network->forward(images.to(type), Dropout(1, 1, 0));
  at::nll_loss(at::log_softmax(result.logits, 1), at::arange(images.size(0)).remainder(10)).backward();
  for (const torch::Tensor& parameter : network->parameters()) result.gradients.push_back(parameter.grad());
  return result;
}

// Whether float32 rounding changes no decision: no ReLU has a value near zero, no max-pool window has two nearly equal
// values.
bool is_decided(const torch::Tensor& image) {
  constexpr double kNear = 1e-5;  // of the values' size; their errors are about 1e-6
  const auto network = make_network(model_info("cnn"), 10, 1);
  network->to(at::kDouble);
  const auto parameters = network->parameters();
  const torch::Tensor maps1 = at::conv2d(image.to(at::kDouble), parameters[0], parameters[1]);
  const torch::Tensor maps2 = at::conv2d(maps1.relu(), parameters[2], parameters[3]);
  const torch::Tensor windows = maps2.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4);
  const torch::Tensor largest = std::get<0>(windows.topk(2));
  const torch::Tensor winner = largest.select(4, 0);
  const torch::Tensor distance = at::where(winner > 0, winner - largest.select(4, 1), winner.abs());
  const auto least = [](const torch::Tensor& distances, const torch::Tensor& values) {
    return (distances.abs().min() / values.square().mean().sqrt()).item<double>();
  };
  return least(maps1, maps1) > kNear && least(winner, maps2) > kNear && least(distance, maps2) > kNear;
}

// [count, 1, 28, 28]
torch::Tensor decided_images(std::int64_t count) {
  std::vector<torch::Tensor> images;
  for (std::uint32_t salt = 1; static_cast<std::int64_t>(images.size()) < count; ++salt) {
    const torch::Tensor image = test::hashed_uniform({1, 1, 28, 28}, salt, 2);
    if (is_decided(image)) images.push_back(image);
  }
  return at::cat(images);
}

class EveryKernels : public testing::TestWithParam<const Kernels*> {};

INSTANTIATE_TEST_SUITE_P(Usable, EveryKernels, testing::ValuesIn(usable_kernels()),
                         [](const auto& instance) { return std::string(instance.param->name); });

TEST_P(EveryKernels, GiveTheCnnWhatItsSumsAre) {
  const torch::Tensor images = decided_images(8);
  for (const std::int64_t count : {1, 3, 8}) {
    const CnnPass exact = cnn_pass(nullptr, images.slice(0, 0, count), at::kDouble);
    const CnnPass libtorch = cnn_pass(nullptr, images.slice(0, 0, count));
    const CnnPass ours = cnn_pass(GetParam(), images.slice(0, 0, count));
    EXPECT_TRUE(is_accurate(ours.logits, libtorch.logits, exact.logits, {kWinograd, rounding_error(9 * 32)})) << count;
    for (std::size_t i = 0; i < exact.gradients.size(); ++i) {
      // Sums over the results of the first convolution, or over the windows of the second's.
      const double additions = (i < 2 ? 26.0 * 26 : 12.0 * 12) * static_cast<double>(count);
      EXPECT_TRUE(is_accurate(ours.gradients[i], libtorch.gradients[i], exact.gradients[i],
                              {kWinograd, rounding_error(additions)}))
          << count << " images, parameter " << i;
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
  const CnnPass first = cnn_pass(GetParam(), images);
  const CnnPass second = cnn_pass(GetParam(), images);
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

// LibTorch does what the kernels do not support.
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
