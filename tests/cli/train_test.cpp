// mnist train and evaluate as processes, on small data made here; and on the real data where that is.
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class Train : public ::testing::Test {
 protected:
  Train() { write_small_mnist(folder_ / "data", 200, 50); }

  SubprocessResult mnist(const std::vector<std::string>& arguments) {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    return run(process);
  }

  TemporaryFolder folder_;
};

TEST_F(Train, PrintsTheReferenceProgramsLinesAndWritesTheModel) {
  const SubprocessResult result = mnist({"train", "--epochs", "2", "--device", "cpu", "--log-interval", "2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, MatchesRegex("Train Epoch: 1 \\[0/200 \\(0%\\)\\]\tLoss: [0-9.]+\n"
                                       "Train Epoch: 1 \\[128/200 \\(50%\\)\\]\tLoss: [0-9.]+\n"
                                       "\nTest set: Average loss: [0-9.]+, Accuracy: [0-9]+/50 \\([0-9]+%\\)\n\n"
                                       "Train Epoch: 2 \\[0/200 \\(0%\\)\\]\tLoss: [0-9.]+\n"
                                       "Train Epoch: 2 \\[128/200 \\(50%\\)\\]\tLoss: [0-9.]+\n"
                                       "\nTest set: Average loss: [0-9.]+, Accuracy: [0-9]+/50 \\([0-9]+%\\)\n\n"
                                       "Saved model: mnist_cnn.pt\n"
                                       "Use it: " MNIST_BINARY " infer --model mnist_cnn.pt --image IMAGE\n"));
  // No progress line where stderr is not a terminal.
  EXPECT_THAT(result.err,
              AllOf(StartsWith("device: cpu"), HasSubstr("run directory: runs/cnn-1\n"), Not(HasSubstr("\r"))));

  const SubprocessResult evaluated = mnist({"evaluate", "--device", "cpu", "--format", "json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  const auto json = nlohmann::json::parse(evaluated.out);
  EXPECT_EQ(json["total"], 50);
  EXPECT_THAT(result.out, HasSubstr("Accuracy: " + std::to_string(json["correct"].get<int>()) + "/50"));
  EXPECT_THAT(mnist({"evaluate", "--device", "cpu"}).out, HasSubstr("\nTest set: Average loss: "))
      << "the reference program's line";
}

TEST_F(Train, TakesWeightsFromStdin) {
  ASSERT_EQ(mnist({"train", "--arch", "lenet", "--epochs", "1", "--device", "cpu"}).exit_code, 0);
  const auto train_from = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"train", "--arch", "lenet", "--epochs", "1", "--device", "cpu", "--weights"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    process.input = content_of(folder_ / "lenet.pt");
    return run(process);
  };
  const SubprocessResult piped = train_from({"-", "--output", "piped.pt"});
  ASSERT_EQ(piped.exit_code, 0) << piped.err;
  ASSERT_EQ(train_from({"lenet.pt", "--output", "named.pt"}).exit_code, 0);
  const auto ancestor = [&](const char* model) {
    const auto json = nlohmann::json::parse(mnist({"info", model, "--format", "json"}).out);
    return json["training"]["ancestry"][0]["sha256"].get<std::string>();
  };
  EXPECT_EQ(ancestor("piped.pt"), ancestor("named.pt"));
  EXPECT_THAT(train_from({"-", "--data-dir", "-", "--dataset", "folder"}).err,
              StartsWith("error: --weights and --data-dir both read stdin\n"));
  EXPECT_THAT(train_from({"-", "--procs", "2"}).err, HasSubstr("--weights '-' cannot be read by 2 processes"));
}

TEST_F(Train, LeavesARunDirectoryThatRepeatsTheRun) {
  ASSERT_EQ(mnist({"train", "--arch", "lenet", "--epochs", "1", "--device", "cpu", "--seed", "3"}).exit_code, 0);
  const auto run = folder_ / "runs" / "lenet-1";
  EXPECT_EQ(nlohmann::json::parse(content_of(run / "manifest.json"))["outcome"], "finished");
  EXPECT_THAT(content_of(run / "log.txt"), AllOf(HasSubstr(" info Train Epoch: 1 ["), HasSubstr(" info device: cpu")));
  EXPECT_THAT(content_of(run / "metrics.csv"), StartsWith("kind,epoch,step,"));
  EXPECT_THAT(content_of(run / "metrics.jsonl"), HasSubstr("\"kind\":\"test\""));
  EXPECT_THAT(content_of(run / "config.toml"), AllOf(StartsWith("[train]\n"), HasSubstr("\nlr = 0.01\n"),
                                                     HasSubstr("\nseed = 3\n"), HasSubstr("\noptimizer = \"sgd\"\n")));
  const std::string first = content_of(folder_ / "lenet.pt");
  EXPECT_EQ(first, content_of(run / "last.pt"));

  const SubprocessResult again = mnist({"train", "--config", "runs/lenet-1/config.toml", "--output", "again.pt"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(content_of(folder_ / "again.pt"), first) << "same options, other weights";
  EXPECT_TRUE(std::filesystem::exists(folder_ / "runs" / "lenet-2"));
}

TEST_F(Train, ADryRunWritesNothing) {
  const SubprocessResult result = mnist({"train", "--dry-run", "--epochs", "9", "--device", "cpu"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, MatchesRegex("Train Epoch: 1 \\[0/200 \\(0%\\)\\]\tLoss: [0-9.]+\n"
                                       "\nTest set: Average loss: [0-9.]+, Accuracy: [0-9]+/50 \\([0-9]+%\\)\n\n"
                                       "Dry run: .*\n"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "mnist_cnn.pt"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "runs"));
}

TEST_F(Train, TakesTheReferenceProgramsFlags) {
  const SubprocessResult result =
      mnist({"train", "--no-cuda", "--save-model", "--batch-size", "100", "--test-batch-size", "25", "--epochs", "1",
             "--lr", "0.5", "--gamma", "0.9", "--seed", "2", "--log-interval", "1", "--data-dir", "data"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "mnist_cnn.pt"));
}

TEST_F(Train, OtherDataSetsAndFlatFoldersAndSafetensors) {
  std::filesystem::create_directory(folder_ / "flat");
  for (const auto& file : std::filesystem::directory_iterator(folder_ / "data" / "MNIST" / "raw")) {
    std::filesystem::copy(file, folder_ / "flat");
  }
  const SubprocessResult result =
      mnist({"train", "--arch", "lenet", "--dataset", "fashion-mnist", "--data-dir", "flat", "--epochs", "1",
             "--device", "cpu", "--output", "fashion.safetensors", "--precision", "bf16", "--run-dir", "mine"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "mine" / "metrics.csv"));
  EXPECT_THAT(mnist({"info", "fashion.safetensors"}).out, HasSubstr("Sneaker"));
  EXPECT_EQ(mnist({"train", "--run-dir", "mine", "--device", "cpu"}).exit_code, 2) << "a run was written over";
}

TEST_F(Train, SaysWhatIsMissingBeforeItTrains) {
  EXPECT_EQ(mnist({"train", "--data-dir", "nowhere", "--device", "cpu"}).exit_code, 3);
  EXPECT_THAT(mnist({"train", "--data-dir", "nowhere"}).err, AllOf(HasSubstr("error: "), HasSubstr("hint: ")));
  write_file(folder_ / "file", "not a folder");
  const SubprocessResult output = mnist({"train", "--output", "file/in/x.pt", "--device", "cpu"});
  EXPECT_EQ(output.exit_code, 3);
  EXPECT_THAT(output.err, StartsWith("error: cannot create the folder 'file/in'"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "runs")) << "a run directory for a run that never began";
}

TEST_F(Train, RefusesNamesThatWouldCostWork) {
  write_file(folder_ / "notes" / "config.toml", "# mine\n");
  const SubprocessResult run_dir = mnist({"train", "--device", "cpu", "--run-dir", "notes"});
  EXPECT_EQ(run_dir.exit_code, 2);
  EXPECT_THAT(run_dir.err, StartsWith("error: the run directory 'notes' is not empty\nhint: "));
  EXPECT_EQ(content_of(folder_ / "notes" / "config.toml"), "# mine\n");

  for (const char* extra : {"--deterministic", "--dry-run"}) {
    const SubprocessResult ending = mnist({"train", "--device", "cpu", "--output", "model.bin", extra});
    EXPECT_EQ(ending.exit_code, 2);
    EXPECT_EQ(ending.out, "") << "it trained first";
    EXPECT_THAT(ending.err, HasSubstr("ends in neither .pt, .pth nor .safetensors"));
  }
}

TEST_F(Train, GoesOnWhereStdoutCannotBeWritten) {
  Subprocess process = program(MNIST_BINARY, {"train", "--epochs", "1", "--device", "cpu", "--arch", "lenet"});
  process.folder = folder_.path();
  process.output = "/dev/full";
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("training continues without it"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "lenet.pt"));
  EXPECT_THAT(content_of(folder_ / "runs/lenet-1/log.txt"), HasSubstr("Saved model: lenet.pt"));
  EXPECT_THAT(content_of(folder_ / "runs/lenet-1/manifest.json"), HasSubstr("\"outcome\": \"finished\""));
  EXPECT_THAT(content_of(folder_ / "runs/lenet-1/manifest.json"), HasSubstr("\"exit_code\": 3"));
}

TEST_F(Train, AReaderThatLeavesIsNoFailure) {
  write_file(folder_ / "lenet.pt", "the old model");
  // A pipe whose reader is gone from the beginning.
  Subprocess process = program("/bin/bash", {"-c",
                                             "mkfifo pipe; exec 3<>pipe 4>pipe 3<&-; "
                                             "exec \"$0\" train --epochs 1 --device cpu --arch lenet >&4",
                                             MNIST_BINARY});
  process.folder = folder_.path();
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("'lenet.pt' exists"), HasSubstr("Broken pipe; training continues"),
                                HasSubstr("saved model: 'lenet.pt'"), Not(HasSubstr("disk"))));
}

TEST_F(Train, ALostLossIsExitCode5AndKeepsTheOldModel) {
  write_file(folder_ / "mnist_cnn.pt", "the old model");
  const SubprocessResult result = mnist(
      {"train", "--optimizer", "sgd", "--lr", "100000", "--log-interval", "1", "--epochs", "2", "--device", "cpu"});
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("error: training diverged: "), HasSubstr("\nhint: try a smaller --lr")));
  EXPECT_EQ(content_of(folder_ / "mnist_cnn.pt"), "the old model");
  EXPECT_THAT(content_of(folder_ / "runs/cnn-1/manifest.json"), HasSubstr("diverged: training diverged"));
}

class TrainSignal : public Train, public ::testing::WithParamInterface<int> {};

TEST_P(TrainSignal, LeavesAfterSavingAndKeepsTheOldModel) {
  write_file(folder_ / "mnist_cnn.pt", "the old model");
  Subprocess process = program(
      MNIST_BINARY, {"train", "--epochs", "1000", "--device", "cpu", "--log-interval", "1", "--batch-size", "8"});
  process.folder = folder_.path();
  process.signal_when = [](const std::string& out) { return out.find("Train Epoch: 1 [16/") != std::string::npos; };
  process.signal = GetParam();
  const SubprocessResult result = run(process);
  EXPECT_EQ(result.exit_code, 128 + GetParam()) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped by SIG"));
  EXPECT_EQ(content_of(folder_ / "mnist_cnn.pt"), "the old model");
  EXPECT_THAT(content_of(folder_ / "runs/cnn-1/manifest.json"), HasSubstr("\"outcome\": \"interrupted\""));
  const std::string checkpoint =
      std::filesystem::directory_iterator(folder_ / "runs/cnn-1/checkpoints")->path().string();
  EXPECT_THAT(mnist({"info", checkpoint}).out, HasSubstr("not evaluated"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  }
}

INSTANTIATE_TEST_SUITE_P(Signals, TrainSignal, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST_F(Train, AKilledRunLeavesTheOldModel) {
  write_file(folder_ / "mnist_cnn.pt", "the old model");
  Subprocess process =
      program(MNIST_BINARY, {"train", "--epochs", "1000000", "--device", "cpu", "--log-interval", "1"});
  process.folder = folder_.path();
  // The weights of an epoch are written while the next ones are trained, of which there are enough.
  process.signal_when = [&](const std::string&) { return std::filesystem::exists(folder_ / "runs/cnn-1/last.pt"); };
  process.signal = SIGKILL;
  EXPECT_EQ(run(process).exit_code, 128 + SIGKILL);
  EXPECT_EQ(content_of(folder_ / "mnist_cnn.pt"), "the old model");
  EXPECT_EQ(mnist({"info", "runs/cnn-1/last.pt"}).exit_code, 0) << "the last finished epoch's weights are lost";
}

// The best oracle there is: a network trained and published by others, with its figures (CHTC/templates-GPUs).
class PublishedModel : public ::testing::TestWithParam<std::string> {};

TEST_P(PublishedModel, HasItsPublishedFiguresOnTheRealTestSet) {
  const char* data = std::getenv("MNIST_TEST_DATA");
  const std::filesystem::path folder = data == nullptr ? "" : data;
  const std::filesystem::path model = folder / "weights" / GetParam();
  if (!std::filesystem::exists(model) || !std::filesystem::exists(folder / "MNIST" / "raw")) {
    GTEST_SKIP() << "real data is absent: MNIST_TEST_DATA does not name a folder with MNIST/raw and " << GetParam();
  }
  const SubprocessResult json = run(program(MNIST_BINARY, {"evaluate", "--model", model.string(), "--data-dir", data,
                                                           "--device", "cpu", "--format", "json"}));
  ASSERT_EQ(json.exit_code, 0) << json.err;
  const auto figures = nlohmann::json::parse(json.out);
  EXPECT_EQ(figures["arch"], "lenet");
  EXPECT_EQ(figures["correct"], 9909);
  EXPECT_EQ(figures["total"], 10000);
  EXPECT_NEAR(figures["loss"].get<double>(), 0.0278, 0.00005);
}

INSTANTIATE_TEST_SUITE_P(Chtc, PublishedModel,
                         ::testing::Values("chtc_lenet_mnist_cnn.zip.pt", "chtc_lenet_mnist_cnn.legacy.pt"),
                         [](const auto& parameter) { return parameter.index == 0 ? "zip" : "legacy"; });

}  // namespace
}  // namespace mnist::test
