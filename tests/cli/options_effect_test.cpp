// Options that change the arithmetic of a run, given to the real binary: each has the effect that its formula says,
// seen in the run's metrics and in the model that it writes.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/data/batches.hpp"
#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

#include "support/hashed.hpp"
#include "support/program.hpp"
#include "support/reference_numbers.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pointwise;
using Arguments = std::vector<std::string>;

constexpr double kPrinted = 1e-6;  // of metrics.csv's 8 digits, for numbers up to 10

// A column of a run's metrics.csv, of the rows of one kind: "train", one a logged batch, or "test", one an epoch.
std::vector<double> column(const std::filesystem::path& run, const std::string& kind, const std::string& name) {
  const auto fields_of = [](const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream in(line);
    for (std::string field; std::getline(in, field, ',');) fields.push_back(field);
    return fields;
  };
  std::istringstream csv(content_of(run / "metrics.csv"));
  std::string line;
  std::getline(csv, line);
  const std::vector<std::string> names = fields_of(line);
  const auto index = static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
  std::vector<double> values;
  while (std::getline(csv, line)) {
    const std::vector<std::string> fields = fields_of(line);
    if (fields.at(0) == kind) values.push_back(std::strtod(fields.at(index).c_str(), nullptr));
  }
  return values;
}

// Runs on 40 training and 10 test digits, each in a run directory of its own.
class OptionEffect : public ::testing::Test {
 protected:
  OptionEffect() { write_small_mnist(folder_ / "data", 40, 10); }

  // `mnist train` on the CPU with a line of metrics a batch; writes NAME.pt and the run directory NAME.
  SubprocessResult train(const std::string& name, Arguments more) {
    Arguments arguments = {"train",     "--device", "cpu",      "--log-interval", "1",
                           "--run-dir", name,       "--output", name + ".pt"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    SubprocessResult result = mnist(arguments);
    EXPECT_EQ(result.exit_code, 0) << name << ": " << result.err;
    return result;
  }

  SubprocessResult mnist(const Arguments& arguments) {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    return run(process);
  }

  // All weights of NAME.pt in one tensor, in float64.
  at::Tensor weights(const std::string& name) {
    std::vector<at::Tensor> flat;
    for (const auto& [key, tensor] : read_model_file(folder_ / (name + ".pt")).state) {
      flat.push_back(tensor.to(at::kDouble).flatten());
    }
    return at::cat(flat);
  }

  std::string config(const std::string& name) { return content_of(folder_ / name / "config.toml"); }

  TemporaryFolder folder_;
};

double relative(const at::Tensor& got, const at::Tensor& expected) {
  return ((got - expected).norm() / expected.norm()).item<double>();
}

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

// With a learning rate of 0 and batches of one, a run's losses are those of its images, in the order in which it takes
// them, under the weights that it starts from.
class OneByOne : public OptionEffect {
 protected:
  // The losses of two epochs, one after the other.
  std::vector<double> losses(const std::string& name, const Arguments& more) {
    Arguments arguments = {"--arch", "lenet", "--lr", "0", "--batch-size", "1", "--epochs", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    train(name, arguments);
    return column(folder_ / name, "train", "loss");
  }

  // In the files' order.
  std::vector<double> expected(double degrees) {
    ResidentBatches batches(load_dataset("mnist", folder_ / "data", Split::train), model_info("lenet").preprocessing,
                            {degrees, /*seed=*/1});
    const auto network = make_network(model_info("lenet"), 10, 1);
    const c10::AutoGradMode no_grad(false);
    std::vector<double> values;
    for (const std::int64_t epoch : {1, 2}) {
      batches.start(at::arange(40), epoch);
      for (std::int64_t item = 0; item < 40; ++item) {
        const Batch batch = batches.get(item, item + 1);
        const at::Tensor logits = network->forward(batch.inputs, Dropout::off());
        values.push_back(at::nll_loss(at::log_softmax(logits, 1), batch.targets).item<double>());
      }
    }
    return values;
  }
};

constexpr double kSameLoss = 1e-5;  // two images' differ by more than that

TEST_F(OneByOne, ShuffleOffKeepsTheFilesOrderAndOnTakesAnotherEachEpoch) {
  const std::vector<double> in_order = expected(0);
  EXPECT_THAT(losses("off", {"--shuffle", "off"}), Pointwise(DoubleNear(kSameLoss), in_order));

  std::vector<double> shuffled = losses("on", {"--shuffle", "on"});
  ASSERT_EQ(shuffled.size(), 80U);
  const std::vector<double> first(shuffled.begin(), shuffled.begin() + 40);
  const std::vector<double> second(shuffled.begin() + 40, shuffled.end());
  EXPECT_NE(first, second);
  EXPECT_NE(first, std::vector<double>(in_order.begin(), in_order.begin() + 40));
  std::vector<double> sorted = in_order;
  std::ranges::sort(sorted);
  std::ranges::sort(shuffled);
  EXPECT_THAT(shuffled, Pointwise(DoubleNear(kSameLoss), sorted)) << "an image was left out or taken twice";
}

TEST_F(OneByOne, RotateTurnsTrainingDigitsAnewEachEpoch) {
  const std::vector<double> turned = expected(30);
  EXPECT_THAT(losses("turned", {"--shuffle", "off", "--rotate", "30"}), Pointwise(DoubleNear(kSameLoss), turned));
  const at::Tensor by_epoch = at::tensor(turned, at::kDouble).view({2, 40});
  const at::Tensor straight = at::tensor(expected(0), at::kDouble).view({2, 40});
  const auto differ = [](const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().mean().item<double>(); };
  EXPECT_GT(differ(by_epoch, straight), 100 * kSameLoss);
  EXPECT_GT(differ(by_epoch[0], by_epoch[1]), 100 * kSameLoss);
  const SubprocessResult refused = mnist({"train", "--rotate", "200"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("--rotate"), HasSubstr("hint: ")));
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
  EXPECT_THAT(result.err, HasSubstr("stops after 3 of 9 epochs: none of the last 2 was better than the best one"));
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

TEST_F(OptionEffect, OptionsWithoutEffectAreNamed) {
  const auto said = [&](const std::string& name, Arguments more) {
    more.insert(more.end(), {"--arch", "lenet", "--epochs", "1"});
    return train(name, more).err;
  };
  const std::string adam = said("adam", {"--optimizer", "adam", "--momentum", "0.9", "--schedule", "one-cycle",
                                         "--step-size", "2", "--warmup-epochs", "1", "--augment", "off"});
  EXPECT_THAT(adam, AllOf(HasSubstr("warning: --momentum has no effect: only --optimizer sgd uses it\n"),
                          HasSubstr("warning: --step-size has no effect: only --schedule step uses it\n"),
                          HasSubstr("warning: --warmup-epochs has no effect: one-cycle has its own warm-up\n"),
                          HasSubstr("warning: --augment has no effect: ")));
  EXPECT_THAT(adam, Not(HasSubstr("--gamma has")));
  EXPECT_THAT(said("gamma", {"--gamma", "0.5"}), HasSubstr("warning: --gamma has no effect: --step-size is 0\n"));
  EXPECT_THAT(said("none", {"--step-size", "1", "--gamma", "0.5", "--momentum", "0.9"}), Not(HasSubstr("effect")));
  // A run's own config.toml says all options, of which these were not chosen.
  Subprocess again = program(MNIST_BINARY, {"--config", "none/config.toml", "train", "--run-dir", "again"});
  again.folder = folder_.path();
  EXPECT_THAT(run(again).err, Not(HasSubstr("effect")));
}

TEST_F(OptionEffect, KernelsThatAreNamedComputeTheRun) {
  const auto with = [&](const std::string& kernels) {
    const SubprocessResult result = train(kernels, {"--epochs", "1", "--batch-size", "8", "--kernels", kernels});
    const std::string used = kernels == "auto" ? usable_kernels().front()->name : kernels;
    EXPECT_THAT(result.err, HasSubstr("kernels " + used + "\n"));
    return weights(kernels);
  };
  const at::Tensor libtorch = with("libtorch");
  std::vector<std::string> names = {"auto"};
  for (const Kernels* kernels : usable_kernels()) names.emplace_back(kernels->name);
  for (const std::string& name : names) {
    const at::Tensor own = with(name);
    EXPECT_FALSE(at::equal(own, libtorch)) << name << " is LibTorch";
    EXPECT_LT(relative(own, libtorch), 1e-2) << name;
  }
  EXPECT_TRUE(at::equal(weights("auto"), weights(usable_kernels().front()->name)));
  EXPECT_EQ(mnist({"train", "--kernels", "sse"}).exit_code, 2);
}

TEST_F(OptionEffect, CudaGraphsChangeNothingOnTheCpu) {
  train("on", {"--arch", "lenet", "--epochs", "1", "--cuda-graphs", "on"});
  train("off", {"--arch", "lenet", "--epochs", "1", "--cuda-graphs", "off"});
  EXPECT_THAT(config("off"), HasSubstr("\ncuda-graphs = \"off\"\n"));
  EXPECT_TRUE(at::equal(weights("on"), weights("off")));
  EXPECT_EQ(mnist({"train", "--cuda-graphs", "yes"}).exit_code, 2);
}

TEST_F(OptionEffect, CudaGraphsRecordStepsOnAGpu) {
  for (const std::string graphs : {"on", "off"}) {
    Subprocess process = program(
        MNIST_BINARY, {"train", "--device", "cuda", "--epochs", "1", "--cuda-graphs", graphs, "--run-dir", graphs},
        {{"CUDA_VISIBLE_DEVICES", ""}});
    process.folder = folder_.path();
    const SubprocessResult result = run(process);
    if (result.exit_code == 4) GTEST_SKIP() << "no GPU: " << result.err;
    ASSERT_EQ(result.exit_code, 0) << result.err;
    if (result.err.find("kernels libtorch") != std::string::npos) GTEST_SKIP() << "no plug-in: " << result.err;
    EXPECT_THAT(result.err, HasSubstr(graphs == "on" ? "kernels cuda, recorded\n" : "kernels cuda\n"));
  }
}

// Photos of two classes, dark and light: 4 training photos and 2 for the test.
class AugmentEffect : public OptionEffect {
 protected:
  AugmentEffect() {
    for (const char* name :
         {"train/dark/0", "train/dark/1", "train/light/0", "train/light/1", "val/dark/0", "val/light/0"}) {
      const std::filesystem::path path = folder_ / "photos" / (std::string(name) + ".png");
      std::filesystem::create_directories(path.parent_path());
      const bool light = path.string().find("light") != std::string::npos;
      const at::Tensor noise = hashed_pixels({60, 80, 3}, path.filename() == "0.png" ? 1 : 2);
      write_png(path, noise.remainder(100).add(light ? 150 : 0));
    }
  }

  // Of two epochs of one batch with all photos, whose weights stay as they are.
  std::vector<double> losses(const std::string& augment) {
    train(augment, {"--arch", "resnet18", "--data-dir", "photos", "--weights", "none", "--lr", "0", "--epochs", "2",
                    "--batch-size", "4", "--shuffle", "off", "--augment", augment});
    return column(folder_ / augment, "train", "loss");
  }
};

TEST_F(AugmentEffect, CropsAndFlipsChangeWithTheEpochAndOffShowsThePhotosAsTheyAre) {
  const std::vector<double> off = losses("off");
  ASSERT_EQ(off.size(), 2U);
  EXPECT_NEAR(off[0], off[1], kPrinted);
  const std::vector<double> on = losses("on");
  ASSERT_EQ(on.size(), 2U);
  EXPECT_GT(std::abs(on[0] - on[1]), 100 * kPrinted);
  EXPECT_GT(std::abs(on[0] - off[0]), 100 * kPrinted);
}

// `evaluate --split`: which part of the data set, and which figures it therefore has.
TEST_F(OptionEffect, SplitNamesThePartThatIsEvaluated) {
  train("model", {"--arch", "lenet", "--epochs", "1"});
  const auto figures = [&](const Arguments& more) {
    Arguments arguments = {"evaluate", "--model", "model.pt", "--device", "cpu", "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const SubprocessResult result = mnist(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return nlohmann::json::parse(result.out);
  };
  const auto test = figures({});
  const auto training = figures({"--split", "train"});
  EXPECT_EQ(test["total"], 10);
  EXPECT_EQ(test["split"], "test");
  EXPECT_EQ(figures({"--split", "test"})["loss"], test["loss"]);
  EXPECT_EQ(figures({"--split", "val"})["loss"], test["loss"]);
  EXPECT_NEAR(test["loss"].get<double>(), column(folder_ / "model", "test", "loss").back(), 1e-5);

  const auto network = make_network(model_info("lenet"), 10, 1);
  load_state_dict(*network, read_model_file(folder_ / "model.pt").state, "'model.pt'");
  ResidentBatches batches(load_dataset("mnist", folder_ / "data", Split::train), model_info("lenet").preprocessing);
  batches.start(at::arange(40), 1);
  const Batch all = batches.get(0, 40);
  const c10::AutoGradMode no_grad(false);
  const at::Tensor logits = network->forward(all.inputs, Dropout::off());
  EXPECT_EQ(training["total"], 40);
  EXPECT_EQ(training["split"], "train");
  EXPECT_EQ(training["correct"], logits.argmax(1).eq(all.targets).sum().item<std::int64_t>());
  EXPECT_NEAR(training["loss"].get<double>(), at::nll_loss(at::log_softmax(logits, 1), all.targets).item<double>(),
              1e-5);
  EXPECT_NE(training["loss"], test["loss"]);
  EXPECT_EQ(mnist({"evaluate", "--split", "tset"}).exit_code, 2);
}

}  // namespace
}  // namespace mnist::test
