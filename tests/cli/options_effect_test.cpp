// Options that change the arithmetic of a run, given to the real binary: each has the effect that its formula says,
// seen in the run's metrics and in the model that it writes.
#include "options_effect.hpp"

#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/format/model_file.hpp"

#include "support/reference_numbers.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

// Of differences between weights of float32.
constexpr double kDifferences = 2e-3;

// Steps of gradient descent with all 40 digits in one batch: w1 = w0 - lr g0, and w2 = w1 - lr (momentum g0 + g1).
TEST_F(OptionEffect, MomentumAndWeightDecay) {
  const auto descend = [&](const std::string& name, const char* epochs, const char* lr, const char* momentum = "0",
                           const char* weight_decay = "0") {
    train(name, {"--arch", "lenet", "--optimizer", "sgd", "--batch-size", "40", "--epochs", epochs, "--lr", lr,
                 "--momentum", momentum, "--weight-decay", weight_decay, "--shuffle", "off"});
    return weights(name);
  };
  const at::Tensor w0 = descend("start", "1", "0");
  const at::Tensor w1 = descend("one", "1", "0.1");
  const at::Tensor w2 = descend("two", "2", "0.1");
  EXPECT_GT((w1 - w0).norm().item<double>(), 1e-3);
  const at::Tensor with_momentum = descend("momentum", "2", "0.1", "0.7");
  EXPECT_LT(relative(with_momentum - w2, 0.7 * (w1 - w0)), kDifferences);
  // The penalty's gradient is weight_decay w0.
  const at::Tensor with_decay = descend("decay", "1", "0.1", "0", "0.5");
  EXPECT_LT(relative(with_decay - w1, -0.1 * 0.5 * w0), kDifferences);
}

TEST_F(OptionEffect, StepSizeAndGammaOfTheStepSchedule) {
  const Arguments common = {"--arch", "lenet", "--lr", "0.08", "--gamma", "0.5", "--epochs", "5", "--schedule", "step"};
  const auto with_step_size = [&](const std::string& name, const char* step_size) {
    Arguments arguments = common;
    arguments.insert(arguments.end(), {"--step-size", step_size});
    train(name, arguments);
    return column(folder_ / name, "test", "lr");
  };
  EXPECT_THAT(with_step_size("two", "2"), Pointwise(DoubleNear(1e-9), {0.08, 0.08, 0.04, 0.04, 0.02}));
  EXPECT_THAT(column(folder_ / "two", "train", "lr"), Pointwise(DoubleNear(1e-9), {0.08, 0.08, 0.04, 0.04, 0.02}));
  EXPECT_THAT(with_step_size("never", "0"), Each(0.08));
  EXPECT_GT(relative(weights("two"), weights("never")), 1e-5) << "the column says it, the weights do not";
}

TEST_F(OptionEffect, OneCycleScheduleIsPyTorchs) {
  train("run", {"--arch", "lenet", "--schedule", "one-cycle", "--lr", "0.02", "--epochs", "4", "--batch-size", "8"});
  std::vector<double> expected = reference_numbers()["one_cycle"].get<std::vector<double>>();  // of --lr 2
  for (double& rate : expected) rate /= 100;
  EXPECT_THAT(column(folder_ / "run", "train", "lr"), Pointwise(DoubleNear(1e-9), expected));
}

TEST_F(OptionEffect, RecipeFastSetsItsOptionsAndGivesWayToThoseThatAreSaid) {
  train("fast", {"--recipe", "fast"});
  EXPECT_THAT(config("fast"), AllOf(HasSubstr("\nepochs = 3\n"), HasSubstr("\nbatch-size = 128\n"),
                                    HasSubstr("\noptimizer = \"adam\"\n"), HasSubstr("\nlr = 0.003\n"),
                                    HasSubstr("\nschedule = \"one-cycle\"\n")));
  // Three steps, one an epoch: of 0.3 * 3 - 1 < 0 steps the rate rises, so that it begins on its way down from 0.003.
  const std::vector<double> rates = column(folder_ / "fast", "train", "lr");
  ASSERT_EQ(rates.size(), 3U);
  EXPECT_NEAR(rates.back(), 0.003 / 25 / 1e4, 1e-9);

  train("said", {"--recipe", "fast", "--epochs", "1", "--schedule", "step", "--lr", "0.002"});
  EXPECT_THAT(column(folder_ / "said", "train", "lr"), ElementsAre(0.002));
  EXPECT_THAT(config("said"), AllOf(HasSubstr("\nepochs = 1\n"), HasSubstr("\noptimizer = \"adam\"\n")));

  train("reference", {"--recipe", "reference", "--epochs", "1"});
  EXPECT_THAT(config("reference"), AllOf(HasSubstr("\nbatch-size = 64\n"), HasSubstr("\noptimizer = \"adadelta\"\n")));

  const SubprocessResult refused = mnist({"train", "--arch", "lenet", "--recipe", "fast"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("error: there is no recipe 'fast' for lenet\nhint: networks that have it: cnn\n"));
}

TEST_F(OptionEffect, AnOptimizerBringsARateThatFitsIt) {
  const auto config_of = [&](const std::string& name, const Arguments& more) {
    train(name, more);
    return config(name);
  };
  EXPECT_THAT(config_of("adam", {"--optimizer", "adam", "--epochs", "1"}),
              AllOf(HasSubstr("\nlr = 0.001\n"), HasSubstr("\nmomentum = 0\n"), HasSubstr("\ngamma = 0.7\n")));
  EXPECT_THAT(config_of("adamw", {"--optimizer", "adamw", "--epochs", "1"}),
              AllOf(HasSubstr("\nlr = 0.001\n"), HasSubstr("\nweight-decay = 0.01\n")));
  EXPECT_THAT(config_of("sgd", {"--optimizer", "sgd", "--epochs", "1"}),
              AllOf(HasSubstr("\nlr = 0.01\n"), HasSubstr("\nmomentum = 0.9\n")));
  EXPECT_THAT(config_of("own", {"--optimizer", "adadelta", "--epochs", "1"}), HasSubstr("\nlr = 1\n"));
  EXPECT_THAT(config_of("said", {"--optimizer", "adam", "--lr", "0.5", "--epochs", "1"}), HasSubstr("\nlr = 0.5\n"));
}

TEST_F(OptionEffect, CosineAndWarmUpChangeTheRate) {
  train("run", {"--arch", "lenet", "--schedule", "cosine", "--lr", "0.02", "--epochs", "4", "--batch-size", "8",
                "--warmup-epochs", "1"});
  std::vector<double> expected = reference_numbers()["cosine"].get<std::vector<double>>();  // of --lr 2
  for (double& rate : expected) rate /= 100;
  EXPECT_THAT(column(folder_ / "run", "train", "lr"), Pointwise(DoubleNear(1e-8), expected));
  Subprocess more = program(MNIST_BINARY, {"train", "--resume", "run", "--epochs", "5"});
  more.folder = folder_.path();
  const SubprocessResult refused = run(more);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err,
              HasSubstr("--epochs with --schedule cosine (its learning rates depend on it) cannot change"));
}

// Of one batch: the loss of the smoothed target, and a first step that is clipped to a length of lr.
TEST_F(OptionEffect, LabelSmoothingAndClipping) {
  const Arguments common = {"--arch",       "lenet", "--optimizer", "sgd", "--momentum", "0",
                            "--batch-size", "40",    "--shuffle",   "off", "--epochs",   "1"};
  const auto with = [&](const std::string& name, Arguments more) {
    more.insert(more.end(), common.begin(), common.end());
    train(name, more);
    return column(folder_ / name, "train", "loss").front();
  };
  const double plain = with("start", {"--lr", "0"});
  const double smoothed = with("smoothed", {"--lr", "0", "--label-smoothing", "0.5"});
  EXPECT_GT(std::abs(smoothed - plain), 1e-4);
  EXPECT_EQ(with("clipped", {"--lr", "0.1", "--clip-grad-norm", "0.01"}), plain);
  EXPECT_NEAR((weights("clipped") - weights("start")).norm().item<double>(), 0.1 * 0.01, 1e-6);
}

TEST_F(OptionEffect, EarlyStopEndsTheRunAndKeepsTheBest) {
  // With a rate of 0 no epoch is better than the first.
  const SubprocessResult result = train("run", {"--arch", "lenet", "--lr", "0", "--epochs", "9", "--early-stop", "2"});
  EXPECT_THAT(result.err, HasSubstr("stops after 3 of 9 epochs: no better epoch in the last 2"));
  EXPECT_EQ(column(folder_ / "run", "test", "loss").size(), 3U);
  EXPECT_EQ(read_model_file(folder_ / "run.pt").recipe->training.epochs, 1);
  EXPECT_THAT(config("run"), HasSubstr("\nkeep-best = \"on\"\n"));
  Subprocess again = program(MNIST_BINARY, {"train", "--resume", "run"});
  again.folder = folder_.path();
  EXPECT_THAT(run(again).err, HasSubstr("is finished"));
}

TEST_F(OptionEffect, TheModelIsTheAverageOfTheWeights) {
  const Arguments common = {"--arch", "lenet", "--lr", "0.1", "--epochs", "1", "--batch-size", "10"};
  train("plain", common);
  Arguments averaged = common;
  averaged.insert(averaged.end(), {"--ema-decay", "0.9"});
  train("averaged", averaged);
  EXPECT_EQ(column(folder_ / "plain", "train", "loss"), column(folder_ / "averaged", "train", "loss"));
  EXPECT_NE(column(folder_ / "plain", "test", "loss"), column(folder_ / "averaged", "test", "loss"));
  EXPECT_FALSE(at::equal(weights("plain"), weights("averaged")));
}

}  // namespace
}  // namespace mnist::test
