// Own pictures with the networks for digits, with the real binary: in class folders or a list, divided, trained from a
// model of digits, evaluated; and what is said of folders that are not as they should be.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"

#include "support/hashed.hpp"
#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A sign in dark ink on light paper of 60 x 50, at another place with every number.
at::Tensor sign(const std::string& folder, int number) {
  const std::string name = folder.substr(folder.rfind('/') + 1);
  at::Tensor paper = at::full({60, 50, 1}, 255, at::kByte) -
                     hashed_pixels({60, 50, 1}, static_cast<std::uint32_t>(number + name[0] * 100)).remainder(20);
  const int top = 8 + number % 5 * 3;
  const int left = 8 + number % 4 * 3;
  const auto ink = [&](int y, int x, int height, int width) {
    paper.slice(0, top + y, top + y + height).slice(1, left + x, left + x + width).fill_(30);
  };
  if (name == "bar") ink(0, 10, 28, 4);
  if (name == "cross") {
    ink(0, 10, 28, 4);
    ink(12, 0, 4, 24);
  }
  if (name == "frame") {
    ink(0, 0, 28, 3);
    ink(0, 20, 28, 3);
    ink(0, 0, 3, 23);
    ink(25, 0, 3, 23);
  }
  return paper;
}

class OwnPictures : public ::testing::Test {
 protected:
  void add(const std::string& name, int count) {
    std::filesystem::create_directories(folder_ / "signs" / name);
    for (int i = 0; i < count; ++i) {
      write_png(folder_ / "signs" / name / (std::to_string(i) + ".png"), sign(name, i));
    }
  }

  SubprocessResult mnist(const std::vector<std::string>& arguments) {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    return run(process);
  }

  SubprocessResult train(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"train",     "--dataset", "folder",   "--device", "cpu",
                                          "--threads", "1",         "--epochs", "4",        "--batch-size",
                                          "8",         "--run-dir", "run",      "--output", "signs.pt"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return mnist(arguments);
  }

  nlohmann::json evaluated(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"evaluate", "--model", "signs.pt", "--format", "json", "--device", "cpu"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const SubprocessResult result = mnist(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return nlohmann::json::parse(result.out.empty() ? "null" : result.out);
  }

  TemporaryFolder folder_;
};

TEST_F(OwnPictures, AreDividedTrainedOnFromAModelOfDigitsAndEvaluated) {
  for (const char* name : {"bar", "cross", "frame"}) add(name, 20);
  write_small_mnist(folder_ / "data", 200, 20);
  ASSERT_EQ(mnist({"train", "--epochs", "1", "--device", "cpu"}).exit_code, 0);

  const SubprocessResult trained =
      train({"--data-dir", "signs", "--val-split", "0.2", "--weights", "mnist_cnn.pt", "--seed", "3"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_THAT(trained.err, AllOf(HasSubstr("12 of 60 pictures are for validation: --val-split 0.2, seed 3"),
                                 HasSubstr("weights: 'mnist_cnn.pt'; the last layer is new"),
                                 HasSubstr("48 training and 12 validation images"), Not(HasSubstr("uneven"))));
  EXPECT_THAT(content_of(folder_ / "run/config.toml"), AllOf(HasSubstr("\nval-split = 0.2\n"), HasSubstr("seed = 3")));

  const auto validated = evaluated({"--data-dir", "signs"});
  EXPECT_EQ(validated["total"], 12);
  EXPECT_EQ(validated["part"], "validation set");
  EXPECT_EQ(validated["calibration"]["fitted_on_these"], true);
  EXPECT_GE(validated["correct"].get<int>(), 11);
  ASSERT_EQ(mnist({"report", "signs.pt", "--data-dir", "signs", "--device", "cpu"}).exit_code, 0);
  for (const char* const page : {"signs.html", "run/report.html"}) {
    EXPECT_THAT(content_of(folder_ / page), AllOf(HasSubstr(", fitted on these images: the error of others is larger."),
                                                  HasSubstr("<td>folder, --val-split 0.2, epochs 4, seed 3</td>")));
  }
  EXPECT_EQ(evaluated({"--data-dir", "signs", "--split", "train"})["total"], 48);
  std::filesystem::copy(folder_ / "signs", folder_ / "others", std::filesystem::copy_options::recursive);
  for (int i = 0; i < 20; ++i) {
    const auto name = folder_ / "others/bar" / (std::to_string(i) + ".png");
    std::filesystem::rename(name, name.string() + ".png");
  }
  const SubprocessResult other = mnist({"evaluate", "--model", "signs.pt", "--data-dir", "others", "--device", "cpu"});
  EXPECT_THAT(other.err, HasSubstr("'others' is not the folder or list that the model was trained on; the model's "
                                   "--val-split 0.2 gives this validation set"));
  EXPECT_THAT(other.out, AllOf(HasSubstr("\nValidation set: Average loss: "), Not(HasSubstr("fitted on these"))));
  EXPECT_EQ(evaluated({"--data-dir", "signs", "--val-split", "0"})["total"], 60);
  EXPECT_THAT(
      mnist({"evaluate", "--model", "signs.pt", "--data-dir", "signs", "--val-split", "0.5", "--device", "cpu"}).err,
      HasSubstr(
          "the model was trained with --val-split 0.2: if these are the same pictures, it has seen most of them"));
  std::filesystem::remove_all(folder_ / "others/cross");
  const auto subset = evaluated({"--data-dir", "others", "--val-split", "0"});
  EXPECT_EQ(subset["total"], 40) << "of two of the three classes";
  write_file(folder_ / "others/bar/broken.png", "not a picture");
  EXPECT_EQ(evaluated({"--data-dir", "others", "--val-split", "0", "--bad-images", "skip"})["total"], 40);
  EXPECT_EQ(subset["classes"].size(), 3u);
  EXPECT_GE(subset["correct"].get<int>(), 36);
  EXPECT_EQ(read_model_file(folder_ / "signs.pt").recipe->class_names,
            (std::vector<std::string>{"bar", "cross", "frame"}));

  // The picture is seen in `infer` as in training.
  const SubprocessResult inferred = mnist({"infer", "--model", "signs.pt", "signs/cross/1.png", "--device", "cpu"});
  EXPECT_THAT(inferred.out, HasSubstr("Prediction: cross\n")) << inferred.err;
  EXPECT_EQ(mnist({"infer", "--model", "signs.pt", "--test-item", "1"}).exit_code, 2);

  // The division is that of the run also when it continues, wherever the pictures are by then.
  std::filesystem::rename(folder_ / "signs", folder_ / "moved");
  const SubprocessResult continued = mnist({"train", "--resume", "run", "--data-dir", "moved", "--epochs", "5"});
  EXPECT_EQ(continued.exit_code, 0) << continued.err;
  EXPECT_THAT(mnist({"train", "--resume", "run", "--val-split", "0.3", "--epochs", "6"}).err,
              HasSubstr("--val-split 0.3 (the run has 0.2)"));
}

TEST_F(OwnPictures, TheirClassesCanBeRenamed) {
  for (const char* name : {"bar", "cross"}) add(name, 8);
  ASSERT_EQ(train({"--arch", "lenet", "--data-dir", "signs", "--val-split", "0.25"}).exit_code, 0);
  write_file(folder_ / "german", "Balken\nKreuz\n");
  EXPECT_EQ(evaluated({"--data-dir", "signs", "--classes", "german"})["classes"][1]["name"], "Kreuz");
  add("another", 4);
  const SubprocessResult other =
      mnist({"evaluate", "--model", "signs.pt", "--data-dir", "signs", "--classes", "german", "--device", "cpu"});
  EXPECT_EQ(other.exit_code, 3) << "there is one class more";
}

TEST_F(OwnPictures, MisclassifiedOnesOfTheSameNameGetTheirItemsNumber) {
  for (const char* name : {"bar", "cross"}) add(name, 8);
  ASSERT_EQ(train({"--arch", "lenet", "--data-dir", "signs", "--val-split", "0.25"}).exit_code, 0);
  // The same picture in both classes is wrong in one of them, twice.
  for (const char* place : {"bar", "bar/more", "cross", "cross/more"}) {
    std::filesystem::create_directories(folder_ / "twins" / place);
    std::filesystem::copy_file(folder_ / "signs/bar/1.png", folder_ / "twins" / place / "a.png");
  }
  const auto mistakes = evaluated({"--data-dir", "twins", "--val-split", "0", "--show-misclassified", "wrong"});
  ASSERT_EQ(mistakes["misclassified"].size(), 2u);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "wrong")) {
    names.push_back(entry.path().filename().string());
  }
  const auto& second = mistakes["misclassified"][1];
  const auto end =
      "_true_" + second["true"].get<std::string>() + "_predicted_" + second["predicted"].get<std::string>() + ".png";
  EXPECT_THAT(names,
              ::testing::UnorderedElementsAre("a" + end, "a-" + std::to_string(second["item"].get<int>()) + end));
}

TEST_F(OwnPictures, UnevenClassesAreSaidAndCanBeWeighted) {
  add("bar", 24);
  add("cross", 8);
  write_png(folder_ / "signs/stray.png", sign("bar", 1));
  const SubprocessResult plain = train({"--arch", "lenet", "--data-dir", "signs", "--val-split", "0.25"});
  ASSERT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_THAT(plain.err, AllOf(HasSubstr("the classes are unbalanced: 18 training pictures of bar, 6 of cross"),
                               HasSubstr("1 picture is not in a class folder, skipped: 'signs/stray.png'"),
                               HasSubstr("calibrated on ")));
  const SubprocessResult weighted =
      train({"--arch", "lenet", "--data-dir", "signs", "--val-split", "0.25", "--class-weights", "balanced",
             "--run-dir", "weighted", "--procs", "2", "--calibrate", "0"});
  ASSERT_EQ(weighted.exit_code, 0) << weighted.err;
  EXPECT_THAT(weighted.err, Not(HasSubstr("calibrated on ")));
  EXPECT_NE(content_of(folder_ / "run/metrics.csv"), content_of(folder_ / "weighted/metrics.csv"));
}

TEST_F(OwnPictures, CanBeListed) {
  add("bar", 6);
  add("cross", 6);
  std::string list = "path,label\n";
  for (int i = 0; i < 6; ++i) {
    list += "signs/bar/" + std::to_string(i) + ".png,straight\n";
    list += "signs/cross/" + std::to_string(i) + ".png,crossed\n";
  }
  write_file(folder_ / "list.csv", list);
  const SubprocessResult result = train({"--arch", "convnet", "--data-dir", "list.csv", "--val-split", "0.34"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = evaluated({"--data-dir", "list.csv"});
  EXPECT_EQ(json["total"], 4);
  EXPECT_EQ(read_model_file(folder_ / "signs.pt").recipe->class_names,
            (std::vector<std::string>{"crossed", "straight"}));
  const SubprocessResult undivided = train({"--data-dir", "list.csv", "--run-dir", "other"});
  EXPECT_EQ(undivided.exit_code, 2);
  EXPECT_THAT(undivided.err, HasSubstr("--val-split 0.2"));
}

TEST_F(OwnPictures, ABrokenOneStopsTheRunOrIsLeftOut) {
  add("bar", 12);
  add("cross", 6);
  write_file(folder_ / "signs/bar/99.png", "no picture");
  const SubprocessResult stopped = train({"--data-dir", "signs", "--val-split", "0.2"});
  EXPECT_EQ(stopped.exit_code, 3);
  EXPECT_THAT(stopped.err, AllOf(HasSubstr("99.png"), HasSubstr("--bad-images skip")));
  const SubprocessResult skipped =
      train({"--data-dir", "signs", "--val-split", "0.2", "--bad-images", "skip", "--dry-run"});
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_THAT(skipped.err, HasSubstr("warning: skipped: "));
}

TEST_F(OwnPictures, FoldersWithTheirOwnSplitsAreNotDivided) {
  add("train/bar", 4);
  add("train/cross", 4);
  add("val/bar", 2);
  add("val/cross", 2);
  const SubprocessResult result = train({"--data-dir", "signs", "--val-split", "0.2"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("has its own train and val"));
  EXPECT_EQ(train({"--data-dir", "signs", "--dry-run"}).exit_code, 0);
  EXPECT_THAT(mnist({"train", "--val-split", "0.2", "--data-dir", "signs"}).err,
              HasSubstr("the data set mnist has a test set"));
  // Undivided ones that are not told to be.
  const SubprocessResult missing = train({"--data-dir", "signs/train", "--run-dir", "other"});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.err, HasSubstr("--val-split 0.2"));
}

}  // namespace
}  // namespace mnist::test
