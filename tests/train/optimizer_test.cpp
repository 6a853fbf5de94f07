// The optimizers against torch.optim over 100 steps, and the ten first losses of training against PyTorch's.
#include "mnist/train/optimizer.hpp"

#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/model/registry.hpp"

#include "support/hashed.hpp"
#include "support/reference_numbers.hpp"

namespace mnist {
namespace {

using test::reference_numbers;

struct OptimizerCase {
  std::string key;  // in the fixture
  OptimizerOptions options;
  double lr;
};

class EveryOptimizer : public ::testing::TestWithParam<OptimizerCase> {
 protected:
  static void follow(const Kernels* kernels);
};

void EveryOptimizer::follow(const Kernels* kernels) {
  torch::Tensor parameter = test::hashed_uniform({16}, 1, 1.0);
  parameter.requires_grad_(true);
  OptimizerOptions options = GetParam().options;
  options.kernels = kernels;
  const auto optimizer = make_optimizer(options, {parameter});
  const auto& expected = reference_numbers()["optimizers"][GetParam().key];
  for (std::uint32_t step = 0; step < 100; ++step) {
    optimizer->zero_grad();
    EXPECT_FALSE(parameter.grad().defined());
    parameter.mutable_grad() = test::hashed_uniform({16}, 100 + step, 0.5);
    optimizer->step(GetParam().lr);
    if (step % 10 != 9) continue;
    for (std::int64_t i = 0; i < 16; ++i) {
      EXPECT_NEAR(parameter[i].item<double>(), expected[step / 10][static_cast<std::size_t>(i)].get<double>(), 1e-6)
          << "step " << step << ", element " << i;
    }
  }
}

TEST_P(EveryOptimizer, GivesPyTorchsParametersOver100Steps) {
  for (const Kernels* kernels : usable_kernels()) {
    SCOPED_TRACE(kernels->name);
    follow(kernels);
  }
  SCOPED_TRACE("LibTorch's operators");
  follow(nullptr);
}

// A gradient in another order of memory than its parameter is left to LibTorch, and so is its buffer.
TEST(Optimizer, TakesGradientsInAnyOrderOfMemory) {
  for (const std::string& name : optimizer_names()) {
    torch::Tensor one = test::hashed_uniform({4, 6}, 1, 1.0).requires_grad_(true);
    torch::Tensor other = test::hashed_uniform({4, 6}, 1, 1.0).requires_grad_(true);
    const auto first = make_optimizer({name, 0.9, 0.1}, {one});
    const auto second = make_optimizer({name, 0.9, 0.1}, {other});
    for (std::uint32_t step = 0; step < 4; ++step) {
      const torch::Tensor gradient = test::hashed_uniform({4, 6}, 10 + step, 0.5);
      one.mutable_grad() = gradient;
      other.mutable_grad() = step % 2 == 0 ? gradient.t().contiguous().t() : gradient;
      first->step(0.1);
      second->step(0.1);
    }
    EXPECT_TRUE(at::allclose(one, other, 1e-5, 1e-6)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryOptimizer,
                         ::testing::Values(OptimizerCase{"adadelta", {"adadelta"}, 1.0},
                                           OptimizerCase{"adadelta_weight_decay", {"adadelta", 0, 0.01}, 0.7},
                                           OptimizerCase{"sgd", {"sgd", 0.5, 0.001}, 0.01},
                                           OptimizerCase{"adam", {"adam", 0, 0.001}, 0.001}),
                         [](const auto& parameter) { return parameter.param.key; });

TEST(Optimizer, LeavesParametersWithoutAGradientAlone) {
  for (const std::string& name : optimizer_names()) {
    torch::Tensor parameter = at::ones({3}).requires_grad_(true);
    make_optimizer({name, 0.9, 0.1}, {parameter})->step(1.0);
    EXPECT_TRUE(at::equal(parameter, at::ones({3}))) << name;
  }
}

TEST(Optimizer, UnknownNamesAreAnsweredWithTheNearest) {
  try {
    make_optimizer({"adadelte"}, {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.hint(), "did you mean 'adadelta'?");
  }
}

class EveryNetwork : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryNetwork, FirstTenLossesAreThoseOfPyTorch) {
  const ModelInfo& info = model_info(GetParam());
  const auto network = make_network(info, 10, 1);
  {
    const c10::AutoGradMode no_grad(false);
    std::uint32_t salt = 0;
    for (torch::Tensor& parameter : network->parameters()) {
      parameter.copy_(test::hashed_uniform(parameter.sizes(), salt++, 0.05));
    }
  }
  const torch::Tensor inputs = test::reference_inputs(info.preprocessing.channels == 3);
  const torch::Tensor targets = at::arange(80).remainder(10);
  const auto optimizer = make_optimizer({info.training.optimizer, info.training.momentum, info.training.weight_decay},
                                        network->parameters());
  const auto expected = reference_numbers()[GetParam()]["losses"].get<std::vector<double>>();
  for (std::int64_t step = 0; step < 10; ++step) {
    optimizer->zero_grad();
    const torch::Tensor loss =
        at::nll_loss(at::log_softmax(network->forward(inputs.slice(0, 8 * step, 8 * step + 8), Dropout::off()), 1),
                     targets.slice(0, 8 * step, 8 * step + 8));
    loss.backward();
    optimizer->step(info.training.lr);
    EXPECT_NEAR(loss.item<double>(), expected[static_cast<std::size_t>(step)], 5e-5) << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryNetwork, ::testing::ValuesIn(model_names()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace mnist
