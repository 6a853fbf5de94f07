// What a signal does while images are read and classified: the program ends between two of them, with the documented
// exit code.
#include <algorithm>
#include <csignal>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/format/image.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

#include "support/hashed.hpp"
#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Far more photos than can be decoded in the time that a test gives.
class Stop : public ::testing::Test {
 protected:
  static constexpr int kPhotos = 2000;

  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    write_model("resnet18", {"dark", "light"});
    write_model("lenet", {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
    write_small_mnist(*folder_ / "data", 20, 20);
    write_file(*folder_ / "photos/val/notes.txt", "to be told of before the first photo is decoded");
    for (const char* name : {"dark", "light"}) {
      const std::filesystem::path first = *folder_ / "photos/val" / name / "0.png";
      std::filesystem::create_directories(first.parent_path());
      write_png(first, hashed_pixels({1000, 1000, 3}, 1));
      for (int i = 1; i < kPhotos / 2; ++i) {
        std::filesystem::create_hard_link(first, first.parent_path() / (std::to_string(i) + ".png"));
      }
      write_file(first.parent_path() / "notes.txt", "no photo");
    }
    std::filesystem::create_directory_symlink("val", *folder_ / "photos/train");
  }
  static void TearDownTestSuite() { delete folder_; }

  static void write_model(const std::string& arch, const std::vector<std::string>& class_names) {
    const ModelInfo& info = model_info(arch);
    Recipe recipe;
    recipe.arch = arch;
    recipe.class_names = class_names;
    recipe.preprocessing = info.preprocessing;
    recipe.training.dataset = arch == "resnet18" ? "folder" : "mnist";
    const auto network = make_network(info, static_cast<std::int64_t>(class_names.size()), 1);
    write_model_file(*folder_ / (arch + ".pt"), state_dict(*network), recipe);
  }

  static Subprocess mnist(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--device", "cpu", "--threads", "1"});
    Subprocess process = program(MNIST_BINARY, all);
    process.folder = folder_->path();
    process.limit = std::chrono::seconds(30);
    return process;
  }

  static inline TemporaryFolder* folder_ = nullptr;
};

struct Request {
  int signal;
  int exit_code;
  const char* name;
};

class StopBy : public Stop, public ::testing::WithParamInterface<Request> {};

TEST_P(StopBy, PhotosAreNoLongerDecoded) {
  Subprocess process = mnist({"evaluate", "--model", "resnet18.pt", "--data-dir", "photos"});
  process.watch_stderr = true;
  process.signal_when = [](const std::string& err) { return err.find("notes.txt") != std::string::npos; };
  process.signal = GetParam().signal;
  const SubprocessResult result = run(process);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.exit_code, GetParam().exit_code) << result.err;
  EXPECT_THAT(result.err, HasSubstr("warning: stopped by " + std::string(GetParam().name) + " before all images were"));
  EXPECT_THAT(result.out, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Signals, StopBy,
                         ::testing::Values(Request{SIGINT, 130, "SIGINT"}, Request{SIGTERM, 143, "SIGTERM"},
                                           Request{SIGHUP, 129, "SIGHUP"}, Request{SIGUSR1, 85, "SIGUSR1"}),
                         [](const auto& parameter) { return parameter.param.name; });

TEST_F(Stop, TrainingEndsWhilePhotosAreDecoded) {
  Subprocess process = mnist({"train", "--arch", "resnet18", "--weights", "none", "--data-dir", "photos"});
  process.watch_stderr = true;
  process.signal_when = [](const std::string& err) { return err.find("notes.txt") != std::string::npos; };
  process.signal = SIGINT;
  const SubprocessResult result = run(process);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped by SIGINT while reading the data, before the first step"));
  EXPECT_FALSE(std::filesystem::exists(*folder_ / "runs"));
}

// The line about the report is the last one of a run.
TEST_F(Stop, AFinishedRunKeepsItsExitCode) {
  Subprocess process =
      mnist({"train", "--epochs", "1", "--data-dir", "data", "--run-dir", "finished", "--output", "f.pt"});
  process.watch_stderr = true;
  process.signal_when = [](const std::string& err) { return err.find("report: ") != std::string::npos; };
  process.signal = SIGTERM;
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(result.err.ends_with("report.html\n")) << result.err;
}

TEST_F(Stop, InferWritesWholeLinesAndNoMore) {
  Subprocess process = mnist({"infer", "--model", "resnet18.pt", "photos/val", "--batch-size", "2"});
  process.signal_when = [](const std::string& out) { return std::ranges::count(out, '\n') >= 4; };
  process.signal = SIGTERM;
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 143) << result.err;
  const auto lines = std::ranges::count(result.out, '\n');
  EXPECT_EQ(lines % 2, 0);
  EXPECT_LT(lines, kPhotos);
  EXPECT_TRUE(result.out.ends_with('\n'));
  EXPECT_THAT(result.err, HasSubstr("stopped by SIGTERM after " + std::to_string(lines) + " of 2,000 images\n"));
}

// The lines of a batch are printed when all its pictures are drawn.
TEST_F(Stop, InferDrawsNoMorePictures) {
  constexpr int kFiles = 100;
  constexpr int kBatch = 10;
  std::vector<std::string> arguments = {"infer", "--model", "resnet18.pt", "--batch-size", "10", "--annotate", "notes"};
  for (int i = 0; i < kFiles; ++i) arguments.push_back("photos/val/dark/" + std::to_string(i) + ".png");
  Subprocess process = mnist(arguments);
  process.signal_when = [](const std::string& out) { return std::ranges::count(out, '\n') >= kBatch; };
  process.signal = SIGTERM;
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 143) << result.err;
  const auto lines = std::ranges::count(result.out, '\n');
  EXPECT_EQ(lines % kBatch, 0);
  EXPECT_THAT(result.err, HasSubstr("stopped by SIGTERM after " + std::to_string(lines) + " of 100 images\n"));
  const std::filesystem::directory_iterator pictures(*folder_ / "notes");
  const auto drawn = std::distance(begin(pictures), end(pictures));
  EXPECT_GE(drawn, lines);
  EXPECT_LT(drawn, kFiles);
}

TEST_F(Stop, InferLeavesItsOutputAsItWas) {
  write_file(*folder_ / "results/r.tsv", "old");
  Subprocess process = mnist({"infer", "--model", "resnet18.pt", "photos/val", "--output", "results/r.tsv"});
  process.watch_stderr = true;
  process.signal_when = [](const std::string& err) { return err.find("notes.txt") != std::string::npos; };
  process.signal = SIGINT;
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("'results/r.tsv' is not written"));
  EXPECT_EQ(content_of(*folder_ / "results/r.tsv"), "old");
  const std::filesystem::directory_iterator files(*folder_ / "results");
  EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "a temporary file is left";
}

TEST_F(Stop, EvaluateDrawsNoMoreMisclassifiedItems) {
  constexpr int kItems = 6000;  // nine of ten are misclassified
  write_small_mnist(*folder_ / "many", 20, kItems);
  Subprocess process =
      mnist({"evaluate", "--model", "lenet.pt", "--data-dir", "many", "--show-misclassified", "wrong"});
  process.signal_when = [](const std::string& out) { return out.find("Misclassified: ") != std::string::npos; };
  process.signal = SIGTERM;
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 143) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped by SIGTERM before all misclassified items were drawn"));
  const std::filesystem::directory_iterator pictures(*folder_ / "wrong");
  EXPECT_LT(std::distance(begin(pictures), end(pictures)), kItems * 3 / 4);
}

// A pipe that somebody holds open and writes nothing to.
TEST_F(Stop, InferWaitsForAPipeNoLonger) {
  std::filesystem::create_directories(*folder_ / "few");
  write_png(*folder_ / "few/0.png", hashed_pixels({28, 28, 1}, 1));
  write_file(*folder_ / "few/notes.txt", "to be told of before the pipe is read");
  Subprocess process = mnist({"infer", "--model", "lenet.pt", "few", "-"});
  process.command.insert(process.command.begin(), {"/bin/sh", "-c", "mkfifo held; exec \"$0\" \"$@\" <>held"});
  process.watch_stderr = true;
  process.signal_when = [](const std::string& err) { return err.find("notes.txt") != std::string::npos; };
  process.signal = SIGINT;
  const SubprocessResult result = run(process);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped by SIGINT "));
}

// Sent before the program is loaded, to a process whose parent blocks it.
TEST_F(Stop, ARequestInTheFirstMomentIsNotLost) {
  Subprocess process = mnist({"evaluate", "--model", "lenet.pt", "--data-dir", "data"});
  process.command.insert(process.command.begin(), {"/bin/sh", "-c", "kill -USR1 $$; exec \"$0\" \"$@\""});
  sigset_t usr1;
  ::sigemptyset(&usr1);
  ::sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
  const SubprocessResult result = run(process);
  ::pthread_sigmask(SIG_UNBLOCK, &usr1, nullptr);
  EXPECT_EQ(result.exit_code, 85) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped by SIGUSR1"));
}

}  // namespace
}  // namespace mnist::test
