// The output of a run on stdout, stderr and a terminal, and its records: --quiet and --verbose, numbers of epochs,
// progress, log.txt, manifest.json, the recipe; and tables on narrow terminals.
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/core/sha256.hpp"
#include "mnist/core/text.hpp"
#include "mnist/device/cuda_library.hpp"
#include "mnist/format/image.hpp"

#include "support/hashed.hpp"
#include "support/program.hpp"
#include "support/small_mnist.hpp"
#include "support/subprocess.hpp"
#include "support/temporary_folder.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

// The final lines on a terminal: "\r" goes back, "\x1b[K" erases what follows.
std::vector<std::string> shown(const std::string& written) {
  std::vector<std::string> lines = {""};
  std::size_t column = 0;
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i] == '\n') {
      lines.emplace_back();
      column = 0;
    } else if (written[i] == '\r') {
      column = 0;
    } else if (written.compare(i, 3, "\x1b[K") == 0) {
      lines.back().resize(std::min(column, lines.back().size()));
      i += 2;
    } else {
      lines.back().resize(std::max(column, lines.back().size()), ' ');
      lines.back().replace(column++, 1, 1, written[i]);
    }
  }
  return lines;
}

class RunMessages : public ::testing::Test {
 protected:
  RunMessages() {
    write_small_mnist(folder_ / "data", 200, 50);
    for (int i = 0; i < 4; ++i) {
      for (const auto& [name, level] : {std::pair("dark", 40), std::pair("light", 215)}) {
        add(std::string("photos/train/") + name, i, level);
        if (i < 2) add(std::string("photos/val/") + name, i, level);
      }
    }
  }

  void add(const std::string& where, int number, int level) {
    std::filesystem::create_directories(folder_ / where);
    const at::Tensor noise = hashed_pixels({60, 80, 3}, static_cast<std::uint32_t>(number + level)).remainder(40);
    write_png(folder_ / where / (std::to_string(number) + ".png"), noise.add(level));
  }

  SubprocessResult mnist(const std::vector<std::string>& arguments, int terminal_columns = 0,
                         const std::map<std::string, std::string>& changes = {}) {
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    process.terminal_columns = terminal_columns;
    if (terminal_columns > 0) process.changes["TERM"] = "xterm";
    for (const auto& [name, value] : changes) process.changes[name] = value;
    return run(process);
  }

  static std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  nlohmann::json manifest(const std::string& run) {
    return nlohmann::json::parse(content_of(folder_ / run / "manifest.json"));
  }

  nlohmann::json training_of(const std::string& model) {
    return nlohmann::json::parse(mnist({"info", model, "--format", "json"}).out)["training"];
  }

  TemporaryFolder folder_;
  const std::vector<std::string> digits_ = {"train", "--arch",    "lenet", "--epochs", "2",       "--device",
                                            "cpu",   "--run-dir", "run",   "--output", "model.pt"};
  const std::vector<std::string> photos_ = {"train", "--arch",    "resnet18", "--data-dir", "photos",  "--weights",
                                            "none",  "--device",  "cpu",      "--img-size", "64",      "--epochs",
                                            "2",     "--run-dir", "run",      "--output",   "model.pt"};
};

TEST_F(RunMessages, QuietIsALineForEachEpochAndTheModelAtTheEnd) {
  const SubprocessResult result = mnist(with(digits_, {"--quiet"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  constexpr const char* kFigures = ": loss [0-9.]+, test loss [0-9.]+, accuracy [0-9.]+ %, [0-9.]+ s";
  EXPECT_THAT(result.out, MatchesRegex(std::string("Epoch 1/2") + kFigures + ", [0-9:]+ left\nEpoch 2/2" + kFigures +
                                       "\nSaved model: model.pt\n"));
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(content_of(folder_ / "run/log.txt"),
              AllOf(HasSubstr(" info device: cpu"), HasSubstr(" info Train Epoch: 2 [0/200 (0%)]\tLoss: "),
                    HasSubstr(" info Test set: Average loss: "), Not(HasSubstr("Epoch 1/2"))))
      << "the log has the default lines, so that one part of a run may be quiet";
}

TEST_F(RunMessages, QuietTransferLearningCountsFrom0AndKeepsItsBestAccuracy) {
  const SubprocessResult result = mnist(with(photos_, {"--quiet", "--log-interval", "2"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("warning: --log-interval prints no more lines: this network"));
  EXPECT_THAT(result.out, MatchesRegex("Epoch 0/1: [^\n]* left\nEpoch 1/1: [^\n]* s\n"
                                       "Best val Acc: [^\n]*\nSaved model: model.pt\n"));
  EXPECT_THAT(content_of(folder_ / "run/log.txt"),
              AllOf(HasSubstr("Training complete in "), HasSubstr("Last val Acc: ")));
  EXPECT_THAT(result.err, AllOf(HasSubstr("warning: starting from random weights"), Not(HasSubstr("device"))));
}

TEST_F(RunMessages, VerboseTellsOfBatchesOnStderrAndLeavesStdoutAsItIs) {
  const auto without_losses = [](std::string text) {
    std::erase_if(text, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
    return text;
  };
  const SubprocessResult verbose = mnist(with(digits_, {"--verbose", "--log-interval", "2"}));
  ASSERT_EQ(verbose.exit_code, 0) << verbose.err;
  EXPECT_THAT(verbose.err, AllOf(ContainsRegex("debug: epoch 1, batch 3/4: loss [0-9.]+, lr 0.01, [0-9]+ images/s\n"),
                                 ContainsRegex("debug: epoch 2: [0-9.]+ s of training, [0-9.]+ s of testing\n")));
  const SubprocessResult usual = mnist(with(digits_, {"--run-dir", "other", "--log-interval", "2"}));
  EXPECT_EQ(without_losses(usual.out), without_losses(verbose.out));
  EXPECT_THAT(usual.err, Not(HasSubstr("debug")));

  EXPECT_EQ(mnist(with(digits_, {"--quiet", "--verbose"})).exit_code, 2);
  EXPECT_THAT(mnist(with(digits_, {"--run-dir", "third", "--quiet", "--log-level", "info"})).err,
              HasSubstr("device: cpu"))
      << "--log-level has priority";
}

TEST_F(RunMessages, ProgressOnATerminalIsTakenAwayBeforeOtherLines) {
  const SubprocessResult result = mnist(photos_, 80);
  ASSERT_EQ(result.exit_code, 0) << result.out;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("\r\x1b[Kreading photos"), HasSubstr("\r\x1b[Kepoch 0/1 ["),
                    HasSubstr("\r\x1b[Kepoch 1/1 testing"), Not(AnyOf(HasSubstr("/2"), HasSubstr("poch 2")))))
      << "epochs are counted from 0 as in the tutorial's lines";
  const std::vector<std::string> lines = shown(result.out);
  EXPECT_THAT(lines, Each(Not(AnyOf(HasSubstr("reading"), HasSubstr("looking"), HasSubstr("epoch 0/"),
                                    HasSubstr("testing"), HasSubstr("left")))));
  for (const char* line : {"Epoch 0/1", "Epoch 1/1", "----------"}) {
    EXPECT_GE(std::ranges::count(lines, line), 1) << line;
  }
  EXPECT_EQ(std::ranges::count_if(lines, [](const auto& line) { return line.starts_with("train Loss: "); }), 2);
}

TEST_F(RunMessages, NothingIsRedrawnInAPipeNorIfQuiet) {
  EXPECT_THAT(mnist(photos_).err, Not(AnyOf(HasSubstr("\r"), HasSubstr("\x1b"), HasSubstr("reading"))));
  EXPECT_THAT(mnist(with(photos_, {"--run-dir", "other", "--quiet", "--color", "never"}), 80).out,
              Not(AnyOf(HasSubstr("\r"), HasSubstr("\x1b"))));
}

TEST_F(RunMessages, MessagesOfTransferLearningCountAsItsLinesDo) {
  const SubprocessResult diverged =
      mnist(with(photos_, {"--lr", "1e6", "--clip-grad-norm", "0", "--augment", "off", "--batch-size", "2"}));
  ASSERT_EQ(diverged.exit_code, 5) << diverged.err;
  EXPECT_THAT(diverged.err, ContainsRegex("of epoch 0 is|in epoch 0 the weights"));
  const SubprocessResult again = mnist(with(photos_, {"--run-dir", "second", "--stop-after", "0.001s"}));
  ASSERT_EQ(again.exit_code, 85) << again.err;
  const SubprocessResult end = mnist(with(photos_, {"--run-dir", "second", "--resume", "auto"}));
  EXPECT_THAT(end.err, ContainsRegex("continues 'second' from step-[0-9]+.pt, after 1 step\n"));
}

TEST_F(RunMessages, AMissingDriverIsNoNews) {
  if (load_cuda().has_driver) GTEST_SKIP() << "this machine has NVIDIA's driver";
  std::vector<std::string> automatic = digits_;
  std::ranges::replace(automatic, std::string("cpu"), std::string("auto"));
  EXPECT_THAT(mnist(automatic).err, AllOf(StartsWith("device: cpu ("), Not(HasSubstr("NVIDIA"))));
  EXPECT_THAT(mnist({"evaluate", "--model", "model.pt"}).err, Not(HasSubstr("NVIDIA")));
  EXPECT_THAT(mnist({"evaluate", "--model", "model.pt", "--log-level", "debug"}).err,
              HasSubstr("debug: no GPU: no NVIDIA driver was found"));
  const SubprocessResult cuda = mnist({"evaluate", "--model", "model.pt", "--device", "cuda"});
  EXPECT_EQ(cuda.exit_code, 4);
  EXPECT_THAT(cuda.err, HasSubstr("error: device 'cuda' is not available: no NVIDIA driver was found"));
}

TEST_F(RunMessages, EachLineOfTheLogHasItsTime) {
  ASSERT_EQ(mnist(photos_, 80).exit_code, 0);
  const std::vector<std::string> lines = lines_of(content_of(folder_ / "run/log.txt"));
  EXPECT_THAT(lines, Each(MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}[+-][0-9]{2}:"
                                       "[0-9]{2} (info|warning) [^\r\x1b]+")));
  for (const char* text : {" info Epoch 0/1", " info ----------", " info Classes: ['dark', 'light']"}) {
    EXPECT_TRUE(std::ranges::any_of(lines, [&](const auto& line) { return line.ends_with(text); })) << text;
  }
}

TEST_F(RunMessages, TheManifestSaysWhatTheRunCameTo) {
  const SubprocessResult result = mnist(with(digits_, {"--keep-best", "on"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto finished = manifest("run");
  EXPECT_EQ(finished["exit_reason"], "all epochs");
  EXPECT_EQ(finished["exit_code"], 0);
  EXPECT_GT(finished["seconds"].get<double>(), 0);
  EXPECT_EQ(finished["seconds"], finished["sessions"][0]["seconds"]);
  EXPECT_EQ(finished["model"]["path"], (std::filesystem::canonical(folder_.path()) / "model.pt").string());
  EXPECT_EQ(finished["model"]["sha256"], sha256_hex(content_of(folder_ / "model.pt")));
  const auto training = training_of("model.pt");
  EXPECT_EQ(finished["result"]["epochs"], 2);
  EXPECT_EQ(finished["result"]["epoch"], training["epochs"]);
  EXPECT_EQ(finished["result"]["correct"], training["correct"]);
  EXPECT_DOUBLE_EQ(finished["result"]["test_loss"].get<double>(), training["test_loss"].get<double>());

  ASSERT_EQ(mnist(with(digits_, {"--resume", "auto", "--epochs", "3", "--keep-best", "on"})).exit_code, 0);
  EXPECT_EQ(manifest("run")["result"]["epochs"], 3);
  EXPECT_EQ(manifest("run")["sessions"][1]["exit_reason"], "all epochs");
  EXPECT_EQ(manifest("run")["model"]["sha256"], sha256_hex(content_of(folder_ / "model.pt")));

  ASSERT_EQ(mnist(with(digits_, {"--run-dir", "lost", "--lr", "100000", "--epochs", "1"})).exit_code, 5);
  const auto lost = manifest("lost");
  EXPECT_EQ(lost["exit_code"], 5);
  EXPECT_THAT(lost["exit_reason"].get<std::string>(), StartsWith("training diverged"));
  EXPECT_TRUE(lost["model"].is_null());
}

TEST_F(RunMessages, TheRecipeTellsOfCutEpochsAndOfTheWeightsBefore) {
  ASSERT_EQ(mnist(with(digits_, {"--limit-batches", "2"})).exit_code, 0);
  EXPECT_EQ(training_of("model.pt")["limit_batches"], 2);
  EXPECT_EQ(training_of("model.pt")["epochs"], 2);
  EXPECT_FALSE(training_of("model.pt").contains("ancestry"));
  const std::string first = sha256_hex(content_of(folder_ / "model.pt"));

  // Stop and resume without the file of the initial weights.
  std::filesystem::copy_file(folder_ / "model.pt", folder_ / "start.pt");
  const std::vector<std::string> second =
      with(digits_, {"--weights", "start.pt", "--run-dir", "2", "--output", "2.pt"});
  ASSERT_EQ(mnist(with(second, {"--stop-after", "0.001s"})).exit_code, 85);
  std::filesystem::remove(folder_ / "start.pt");
  const SubprocessResult continued = mnist({"train", "--resume", "2"});
  ASSERT_EQ(continued.exit_code, 0) << continued.err;
  EXPECT_EQ(training_of("2.pt")["ancestry"],
            nlohmann::json::array({{{"file", "start.pt"}, {"sha256", first}, {"dataset", "mnist"}, {"epochs", 2}}}));
  EXPECT_FALSE(training_of("2.pt").contains("limit_batches"));

  ASSERT_EQ(mnist(with(digits_, {"--weights", "2.pt", "--run-dir", "3", "--output", "3.pt"})).exit_code, 0);
  const auto ancestry = training_of("3.pt")["ancestry"];
  ASSERT_EQ(ancestry.size(), 2u);
  EXPECT_EQ(ancestry[0]["sha256"], sha256_hex(content_of(folder_ / "2.pt")));
  EXPECT_EQ(ancestry[1]["sha256"], first);
  EXPECT_THAT(mnist({"info", "3.pt"}).out, HasSubstr("\nbegun from: '2.pt', mnist, 2 epochs\n  sha256 "));
}

TEST_F(RunMessages, TablesFitTheTerminal) {
  ASSERT_EQ(mnist(digits_).exit_code, 0);
  const std::vector<std::string> command = {"evaluate", "--model", "model.pt", "--device", "cpu"};
  const auto fit = [](const std::string& text, std::size_t columns) {
    for (const std::string& line : lines_of(text)) EXPECT_LE(columns_of(line), columns) << line;
  };
  fit(mnist(command).out, 80);
  fit(mnist(command, 0, {{"COLUMNS", "64"}}).out, 64);
  for (const std::string& line : shown(mnist(with(command, {"--log-level", "off"}), 64).out)) {
    EXPECT_LE(columns_of(line), 64u) << line;
  }
}

TEST_F(RunMessages, LongClassNamesAreShortenedInTablesAndWholeInJson) {
  for (int i = 0; i < 12; ++i) {
    const std::string name = "a class of insects with a long name, number " + std::to_string(i);
    std::filesystem::create_directories(folder_ / "many/train" / name);
    std::filesystem::create_directories(folder_ / "many/val" / name);
    for (int j = 0; j < 2; ++j) {
      add("many/train/" + name, j, 20 * i);
      add("many/val/" + name, j + 2, 20 * i);
    }
  }
  ASSERT_EQ(mnist(with(photos_, {"--data-dir", "many", "--epochs", "1", "--quiet"})).exit_code, 0);
  const std::vector<std::string> command = {"evaluate", "--model", "model.pt", "--device", "cpu", "--data-dir", "many"};
  for (const std::size_t columns : {60u, 80u}) {
    const SubprocessResult result = mnist(command, 0, {{"COLUMNS", std::to_string(columns)}});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    std::string text = result.out.substr(result.out.find("class "));
    text.resize(text.find("Misclassified"));
    for (const std::string& line : lines_of(text)) EXPECT_LE(columns_of(line), columns) << line;
    EXPECT_THAT(text, AllOf(HasSubstr("a class"), ContainsRegex("\xE2\x80\xA6[a-z, ]*number 11 ")));
  }
  EXPECT_THAT(mnist(with(command, {"--format", "json"})).out,
              HasSubstr("\"a class of insects with a long name, number 11\""));
}

}  // namespace
}  // namespace mnist::test
