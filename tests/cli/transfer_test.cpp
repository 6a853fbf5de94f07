// Transfer learning with the real binary on a few generated photos: lines, files, pictures, errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"

#include "support/hashed.hpp"
#include "support/program.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

// For what does not depend on the size: a twelfth of the work.
const std::vector<std::string> kSmall = {"--img-size", "64"};

// Photos of two classes, light and dark: 4 of each to train on, 2 to test.
class Transfer : public ::testing::Test {
 protected:
  Transfer() {
    for (int i = 0; i < 4; ++i) {
      add("photos/train/dark/", i, 40);
      add("photos/train/light/", i, 215);
      if (i < 2) add("photos/val/dark/", i, 60);
      if (i < 2) add("photos/val/light/", i, 190);
    }
    write_file(folder_ / "photos/train/dark/notes.txt", "x");
  }

  void add(const std::string& where, int number, int level) {
    std::filesystem::create_directories(folder_ / where);
    const at::Tensor noise = hashed_pixels({60, 80, 3}, static_cast<std::uint32_t>(number + level)).remainder(40);
    write_png(folder_ / where / (std::to_string(number) + ".png"), noise.add(level));
  }

  SubprocessResult mnist(const std::vector<std::string>& arguments) {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    return run(process);
  }

  SubprocessResult train(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"train", "--arch",    "resnet18", "--data-dir",      "photos",  "--weights",
                                          "none",  "--device",  "cpu",      "--limit-batches", "2",       "--epochs",
                                          "2",     "--run-dir", "run",      "--output",        "model.pt"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return mnist(arguments);
  }

  TemporaryFolder folder_;
};

TEST_F(Transfer, TrainsEvaluatesAndInfers) {
  const SubprocessResult result = train({});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Dataset sizes: {'train': 8, 'val': 4}\nClasses: ['dark', 'light']\n"
                                    "Transfer learning scenario: finetuning\n\nEpoch 0/1\n----------\ntrain Loss: "));
  EXPECT_THAT(result.out, ContainsRegex("Training complete in 0m [0-9]+s\nBest val Acc: [01]\\.[0-9]{6}\nLast val "));
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("1 entry is skipped (no .png, .jpg or .jpeg file"), HasSubstr("notes.txt"),
                    HasSubstr("8 training and 4 validation images; 8 and 4 of them in each epoch: --limit-batches"),
                    HasSubstr("starting from random weights"), Not(HasSubstr("not in a class folder"))));
  for (const char* name : {"test_grid.png", "resnet18-finetuned_predictions.png", "training_statistics.png", "best.pt",
                           "last.pt", "config.toml", "metrics.csv"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "run" / name)) << name;
  }
  EXPECT_EQ(read_model_file(folder_ / "model.pt").class_names, (std::vector<std::string>{"dark", "light"}));

  EXPECT_EQ(mnist({"evaluate", "--model", "model.pt", "--data-dir", "photos", "--confusion", "c.jpg"}).exit_code, 2);
  const SubprocessResult evaluated =
      mnist({"evaluate", "--model", "model.pt", "--data-dir", "photos", "--format", "json", "--confusion", "c.png",
             "--misclassified", "m.csv", "--device", "cpu"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  const auto json = nlohmann::json::parse(evaluated.out);
  EXPECT_EQ(json["total"], 4);
  EXPECT_EQ(json["confusion"].size(), 2u);
  EXPECT_EQ(json["misclassified"].size(), 4u - json["correct"].get<std::size_t>());
  EXPECT_TRUE(std::filesystem::exists(folder_ / "c.png"));
  EXPECT_THAT(content_of(folder_ / "m.csv"), HasSubstr("path,true,predicted,probability,probability_of_true\n"));

  const SubprocessResult destructive =
      mnist({"evaluate", "--model", "model.pt", "--data-dir", "photos", "--misclassified", "model.pt"});
  EXPECT_EQ(destructive.exit_code, 2);
  EXPECT_THAT(destructive.err, HasSubstr("would replace the input 'model.pt'"));

  const SubprocessResult inferred =
      mnist({"infer", "--model", "model.pt", "photos/val", "--annotate", "notes", "--device", "cpu"});
  ASSERT_EQ(inferred.exit_code, 0) << inferred.err;
  EXPECT_THAT(inferred.out, ContainsRegex("photos/val/dark/0.png\t(dark|light)\t0\\.[0-9]{4}\n"));
  for (const char* name :
       {"dark/model_prediction_0.png", "light/model_prediction_0.png", "dark/model_prediction_1.png"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "notes" / name)) << name;
  }
}

TEST_F(Transfer, MobileNetTrainsInBothScenarios) {
  const std::vector<std::string> common = {"train",     "--arch",   "mobilenet_v3_small", "--data-dir", "photos",
                                           "--weights", "none",     "--device",           "cpu",        "--epochs",
                                           "1",         "--run-dir"};
  for (const std::string scenario : {"finetuning", "fixedfeature"}) {
    std::vector<std::string> arguments = common;
    arguments.insert(arguments.end(), {scenario, "--scenario", scenario, "--output", scenario + ".pt"});
    const SubprocessResult result = mnist(arguments);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const SubprocessResult evaluated =
        mnist({"evaluate", "--model", scenario + ".pt", "--data-dir", "photos", "--device", "cpu"});
    EXPECT_EQ(evaluated.exit_code, 0) << evaluated.err;
  }
  EXPECT_THAT(mnist({"info", "finetuning.pt"}).out, HasSubstr("network: mobilenet_v3_small\nparameters: 1,519,906"));
}

TEST_F(Transfer, TheSizeOfTheImagesIsKeptInTheModel) {
  const SubprocessResult result = mnist({"train", "--arch", "resnet18", "--data-dir", "photos", "--weights", "none",
                                         "--img-size", "64", "--epochs", "1", "--run-dir", "run", "--device", "cpu"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(mnist({"info", "resnet18.pt"}).out, HasSubstr("input: photo, 3 x 64 x 64 from a shorter side of 73"));
  const SubprocessResult evaluated =
      mnist({"evaluate", "--model", "resnet18.pt", "--data-dir", "photos", "--device", "cpu", "--format", "json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  const auto json = nlohmann::json::parse(evaluated.out);
  const auto rows = content_of(folder_ / "run/metrics.jsonl");
  const auto test = nlohmann::json::parse(rows.substr(rows.rfind('{')));
  EXPECT_NEAR(json["loss"].get<double>(), test["loss"].get<double>(), 1e-5) << "prepared as in training";
  EXPECT_EQ(mnist({"infer", "--model", "resnet18.pt", "photos/val", "--device", "cpu"}).exit_code, 0);

  const SubprocessResult digits = mnist({"train", "--img-size", "64", "--data-dir", "photos"});
  EXPECT_EQ(digits.exit_code, 2);
  EXPECT_THAT(digits.err, HasSubstr("--img-size is for networks for photos, but cnn takes images of 28 x 28"));
}

TEST_F(Transfer, FixedFeaturesMoveTheLastLayerAlone) {
  ASSERT_EQ(train(kSmall).exit_code, 0);
  const SubprocessResult result = mnist({"train", "--arch", "resnet18", "--data-dir", "photos", "--weights", "model.pt",
                                         "--img-size", "64", "--scenario", "fixedfeature", "--epochs", "1", "--run-dir",
                                         "second", "--output", "head.pt", "--device", "cpu"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "second" / "resnet18-fixedfeatures_predictions.png"));
  const auto before = read_model_file(folder_ / "model.pt").state;
  const auto after = read_model_file(folder_ / "head.pt").state;
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(at::equal(before[i].second, after[i].second), !after[i].first.starts_with("fc.")) << after[i].first;
  }
}

TEST_F(Transfer, BySeveralProcessesContinuesBitForBit) {
  const auto by_two = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--procs", "2"});
    more.insert(more.end(), kSmall.begin(), kSmall.end());
    return train(more);
  };
  ASSERT_EQ(by_two({"--run-dir", "whole", "--output", "whole.pt"}).exit_code, 0);
  const SubprocessResult stopped = by_two({"--stop-after", "0.001s"});
  ASSERT_EQ(stopped.exit_code, 85) << stopped.err;
  const SubprocessResult end = by_two({"--resume", "auto"});
  ASSERT_EQ(end.exit_code, 0) << end.err;
  for (const char* file : {"metrics.jsonl", "metrics.csv", "last.pt", "best.pt"}) {
    EXPECT_TRUE(content_of(folder_ / "whole" / file) == content_of(folder_ / "run" / file)) << file;
  }
}

TEST_F(Transfer, TheHeadOfSeveralProcessesIsThatOfOne) {
  const auto head_of = [&](const std::string& processes) {
    const SubprocessResult result =
        train({"--scenario", "fixedfeature", "--procs", processes, "--threads", "1", "--run-dir", "run" + processes,
               "--output", "head" + processes + ".pt", "--img-size", "64"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return read_model_file(folder_ / ("head" + processes + ".pt")).state;
  };
  const NamedTensors one = head_of("1");
  const NamedTensors two = head_of("2");
  ASSERT_EQ(one.size(), two.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    const bool head = one[i].first.starts_with("fc.");
    EXPECT_TRUE(head ? at::allclose(one[i].second, two[i].second, 0, 1e-6) : at::equal(one[i].second, two[i].second))
        << one[i].first;
  }
}

TEST_F(Transfer, TwoRunsGiveTheSameBytes) {
  ASSERT_EQ(train({"--epochs", "1", "--img-size", "64"}).exit_code, 0);
  const std::string first = content_of(folder_ / "model.pt");
  ASSERT_EQ(train({"--epochs", "1", "--img-size", "64", "--run-dir", "again", "--cache-mb", "0"}).exit_code, 0);
  EXPECT_TRUE(content_of(folder_ / "model.pt") == first);
}

TEST_F(Transfer, ABrokenPhotoStopsTheRunOrIsLeftOut) {
  write_file(folder_ / "photos/train/light/9.png", "no picture");
  const SubprocessResult stopped = train({});
  EXPECT_EQ(stopped.exit_code, 3);
  EXPECT_THAT(stopped.err, AllOf(HasSubstr("9.png"), HasSubstr("--bad-images skip")));
  const SubprocessResult skipped = train({"--bad-images", "skip", "--dry-run"});
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_THAT(skipped.err, AllOf(HasSubstr("warning: skipped: "), HasSubstr("9.png")));
}

TEST_F(Transfer, WhatDoesNotFitIsSaid) {
  const auto error_of = [&](const std::vector<std::string>& arguments, int code) {
    const SubprocessResult result = mnist(arguments);
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_THAT(result.err, HasSubstr("hint: "));
    return result.err;
  };
  EXPECT_THAT(error_of({"train", "--arch", "resnet18", "--data-dir", "photos"}, 3),
              AllOf(HasSubstr("pretrained weights"), HasSubstr("scripts/fetch_data resnet18")));
  EXPECT_THAT(error_of({"train", "--arch", "mobilenet_v3_small", "--data-dir", "photos"}, 3),
              AllOf(HasSubstr("mobilenet_v3_small-047dcff4.pth"), HasSubstr("scripts/fetch_data mobilenet_v3_small")));
  EXPECT_THAT(error_of({"train", "--arch", "resnet18", "--dataset", "mnist"}, 2), HasSubstr("--dataset folder"));
  std::filesystem::remove_all(folder_ / "photos/val/dark");
  EXPECT_THAT(error_of({"train", "--arch", "resnet18", "--data-dir", "photos", "--weights", "none"}, 3),
              AllOf(HasSubstr("a single class, 'light'"), HasSubstr("a folder with pictures of a second class")));
}

TEST(ConvNet, TrainsOnTensorFiles) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "corruptmnist");
  for (const char* name : {"train_%_0.pt", "test_%.pt"}) {
    for (const char* kind : {"images", "target"}) {
      std::string to = name;
      to.replace(to.find('%'), 1, kind);
      std::filesystem::copy_file(fixture(std::string("models/tensor_") + kind + ".pt"), folder / "corruptmnist" / to);
    }
  }
  Subprocess process = program(MNIST_BINARY, {"train", "--arch", "convnet", "--data-dir", ".", "--epochs", "1"});
  process.folder = folder.path();
  const SubprocessResult result = run(process);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("/3 ("), HasSubstr("Saved model: convnet.pt"), Not(HasSubstr("val Loss"))));
  EXPECT_TRUE(std::filesystem::exists(folder / "runs/convnet-1/training_statistics.png"));
}

}  // namespace
}  // namespace mnist::test
