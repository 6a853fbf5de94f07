// Options for what a run or an evaluation reads, and in which order and form: --shuffle, --rotate, --augment, --split.
#include <algorithm>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/data/batches.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

#include "options_effect.hpp"
#include "support/hashed.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

constexpr double kPrinted = 1e-6;  // of metrics.csv's 8 digits, for numbers up to 10

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
  EXPECT_EQ(training["part"], "training set");
  EXPECT_EQ(test["part"], "test set");
  EXPECT_EQ(training["correct"], logits.argmax(1).eq(all.targets).sum().item<std::int64_t>());
  EXPECT_NEAR(training["loss"].get<double>(), at::nll_loss(at::log_softmax(logits, 1), all.targets).item<double>(),
              1e-5);
  EXPECT_NE(training["loss"], test["loss"]);
  EXPECT_EQ(mnist({"evaluate", "--split", "tset"}).exit_code, 2);
}

}  // namespace
}  // namespace mnist::test
