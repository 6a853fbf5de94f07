// A run as a process that is stopped, killed and started again: the same command continues it, and in the end nobody
// sees that it was not one process.
#include <csignal>

#include <fmt/format.h>
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
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ResumeRun : public ::testing::Test {
 protected:
  ResumeRun() { write_small_mnist(folder_ / "data", 200, 50); }

  // 100 steps an epoch, and a line for each: more than the pipe to the test holds, so that a signal sent at a line
  // finds the process still at work.
  Subprocess command(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"train", "--arch",         "lenet", "--device", "cpu", "--epochs",
                                          "3",     "--log-interval", "1",     "--seed",   "7",   "--batch-size",
                                          "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Subprocess process = program(MNIST_BINARY, arguments);
    process.folder = folder_.path();
    return process;
  }

  // Sends `signal` as soon as that was printed.
  SubprocessResult stopped(int signal, const std::string& when, const std::vector<std::string>& more) {
    Subprocess process = command(more);
    process.signal_when = [when](const std::string& out) { return out.find(when) != std::string::npos; };
    process.signal = signal;
    return run(process);
  }

  void expect_same_files(const std::string& one, const std::string& other) {
    for (const char* file : {"metrics.jsonl", "metrics.csv", "last.pt", "best.pt", "training_statistics.png"}) {
      EXPECT_TRUE(content_of(folder_ / one / file) == content_of(folder_ / other / file)) << file;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
    }
  }

  void expect_same_run(const std::string& one, const std::string& other) {
    expect_same_files(one, other);
    EXPECT_EQ(lines_of(one), lines_of(other));
  }

  // log.txt without times, and without the lines that name the run.
  std::vector<std::string> lines_of(const std::string& run) {
    std::vector<std::string> lines;
    std::istringstream text(content_of(folder_ / run / "log.txt"));
    for (std::string line; std::getline(text, line);) {
      line = line.substr(std::min<std::size_t>(24, line.size()));
      if (line.find(run) == std::string::npos && line.find(".pt") == std::string::npos) lines.push_back(line);
    }
    return lines;
  }

  nlohmann::json manifest(const std::string& run) {
    return nlohmann::json::parse(content_of(folder_ / run / "manifest.json"));
  }

  TemporaryFolder folder_;
};

TEST_F(ResumeRun, AfterASignalIsTheRunThatWasNotStopped) {
  ASSERT_EQ(run(command({"--run-dir", "whole", "--output", "whole.pt"})).exit_code, 0);
  const std::vector<std::string> same = {"--run-dir", "parts", "--resume", "auto", "--output", "parts.pt"};
  struct Case {
    int signal, exit_code;
    const char* name;
    const char* when;
  };
  for (const Case& one : {Case{SIGTERM, 143, "SIGTERM", "Train Epoch: 1 [6/"},
                          {SIGINT, 130, "SIGINT", "Epoch: 1 [100/"},
                          {SIGUSR1, 85, "SIGUSR1", "Epoch: 2 [0/"},
                          {SIGHUP, 129, "SIGHUP", "Epoch: 2 [180/"}}) {
    SCOPED_TRACE(one.name);
    const SubprocessResult result = stopped(one.signal, one.when, same);
    EXPECT_EQ(result.exit_code, one.exit_code) << result.err;
    EXPECT_THAT(result.err,
                AllOf(HasSubstr(std::string("stopped by ") + one.name), HasSubstr(std::string(" s after ") + one.name),
                      HasSubstr(" train --resume parts\n")));
    EXPECT_EQ(manifest("parts")["outcome"], "interrupted");
    EXPECT_FALSE(std::filesystem::exists(folder_ / "parts.pt"));
  }
  const SubprocessResult last = run(command(same));
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_THAT(last.err, StartsWith("continues 'parts' from step-"));
  EXPECT_TRUE(content_of(folder_ / "whole.pt") == content_of(folder_ / "parts.pt"));
  expect_same_run("whole", "parts");
  EXPECT_EQ(manifest("parts")["sessions"].size(), 5u);

  const SubprocessResult again = run(command(same));
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("the run in 'parts' is finished: 'parts.pt'"));
  EXPECT_EQ(again.out, "");
}

TEST_F(ResumeRun, AfterAKillIsTheRunThatWasNotStopped) {
  ASSERT_EQ(run(command({"--run-dir", "whole", "--output", "whole.pt"})).exit_code, 0);
  const std::vector<std::string> same = {"--run-dir", "parts",    "--resume",           "auto",
                                         "--output",  "parts.pt", "--checkpoint-every", "7steps"};
  for (const char* when : {"Train Epoch: 1 [0/", "Epoch: 1 [120/", "Epoch: 2 [0/", "Epoch: 3 [4/"}) {
    EXPECT_EQ(stopped(SIGKILL, when, same).exit_code, 128 + SIGKILL);
  }
  const SubprocessResult last = run(command(same));
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_TRUE(content_of(folder_ / "whole.pt") == content_of(folder_ / "parts.pt"));
  expect_same_run("whole", "parts");
}

TEST_F(ResumeRun, TakesTheNewestUnfinishedOneAndItsOptions) {
  EXPECT_EQ(run(command({"--resume"})).exit_code, 2) << "there is none";
  EXPECT_EQ(stopped(SIGTERM, "Epoch: 1 [40/", {"--lr", "0.02"}).exit_code, 143);
  EXPECT_EQ(stopped(SIGTERM, "Epoch: 1 [40/", {"--momentum", "0.9"}).exit_code, 143);
  Subprocess bare = program(MNIST_BINARY, {"train", "--resume"});
  bare.folder = folder_.path();
  const SubprocessResult result = run(bare);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, StartsWith("continues 'runs/lenet-2'"));
  EXPECT_THAT(result.out, HasSubstr("Train Epoch: 3 [198/200 "));
  Subprocess named = program(MNIST_BINARY, {"train", "--resume", "runs/lenet-1", "--epochs", "4"});
  named.folder = folder_.path();
  const SubprocessResult other = run(named);
  EXPECT_EQ(other.exit_code, 0) << other.err;
  EXPECT_THAT(other.out, HasSubstr("Train Epoch: 4 "));
  EXPECT_THAT(content_of(folder_ / "runs/lenet-1/metrics.csv"), HasSubstr("train,4,300,0.02,"));
  EXPECT_EQ(run(bare).exit_code, 2) << "all are finished";
}

TEST_F(ResumeRun, RefusesByNameWhatWouldMakeItAnotherRun) {
  ASSERT_EQ(stopped(SIGTERM, "Epoch: 1 [40/", {}).exit_code, 143);
  const SubprocessResult lr = run(command({"--resume", "runs/lenet-1", "--lr", "0.5"}));
  EXPECT_EQ(lr.exit_code, 2);
  EXPECT_THAT(lr.err, AllOf(HasSubstr("error: --lr 0.5 (the run has 0.01) cannot change in the run 'runs/lenet-1'"),
                            HasSubstr("hint: "), HasSubstr("--epochs")));
  EXPECT_THAT(run(command({"--resume", "runs/lenet-1", "--lr", "0.5", "--seed", "3"})).err,
              AllOf(HasSubstr("--lr 0.5 (the run has 0.01)"), HasSubstr(", --seed 3 (the run has 7)")));
  EXPECT_EQ(run(command({"--resume", "runs/lenet-1", "--epochs", "1", "--dry-run"})).exit_code, 2);
  // The same value, in another form, is no change.
  EXPECT_EQ(run(command({"--resume", "runs/lenet-1", "--lr", "0.010"})).exit_code, 0);
}

TEST_F(ResumeRun, OtherDataAreRefused) {
  ASSERT_EQ(stopped(SIGTERM, "Epoch: 1 [40/", {}).exit_code, 143);
  std::filesystem::remove_all(folder_ / "data");
  write_small_mnist(folder_ / "data", 200, 40);
  const SubprocessResult result = run(command({"--resume", "runs/lenet-1"}));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("error: the data are not those that the run began with"));
}

TEST_F(ResumeRun, AnotherThreadCountIsTold) {
  ASSERT_EQ(stopped(SIGTERM, "Epoch: 1 [40/", {"--threads", "2"}).exit_code, 143);
  const SubprocessResult result = run(command({"--resume", "runs/lenet-1", "--threads", "1"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("threads 1 instead of 2: the same to the usual rounding, not bit for bit"));
}

TEST_F(ResumeRun, ADamagedCheckpointFallsBackToTheOneBefore) {
  ASSERT_EQ(run(command({"--run-dir", "whole", "--output", "whole.pt"})).exit_code, 0);
  // Two runs, so that the first one's checkpoint is written whatever the second does.
  const std::vector<std::string> parts = {"--run-dir", "parts", "--resume", "auto", "--output", "parts.pt"};
  std::vector<std::string> first = parts;
  first.insert(first.end(), {"--epochs", "1"});
  ASSERT_EQ(run(command(first)).exit_code, 0);
  ASSERT_EQ(stopped(SIGTERM, "Epoch: 2 [60/", parts).exit_code, 143);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "parts" / "checkpoints")) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  ASSERT_GE(files.size(), 2u);
  std::string bytes = content_of(files.back());
  bytes[bytes.size() / 2] ^= 1;
  write_file(files.back(), bytes);
  const SubprocessResult result = run(command(parts));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("SHA-256 does not match"), HasSubstr("the one before it is tried"),
                                HasSubstr("continues 'parts' from step-000000100.pt: epoch 2, step 0")));
  EXPECT_TRUE(content_of(folder_ / "whole.pt") == content_of(folder_ / "parts.pt"));
  expect_same_files("whole", "parts");
}

TEST_F(ResumeRun, ACheckpointIsAModel) {
  ASSERT_EQ(run(command({"--epochs", "2"})).exit_code, 0);
  const std::string checkpoint = "runs/lenet-1/checkpoints/step-000000200.pt";
  const auto evaluate = [&](const std::string& model) {
    Subprocess process = program(MNIST_BINARY, {"evaluate", "--model", model, "--device", "cpu"});
    process.folder = folder_.path();
    return run(process);
  };
  EXPECT_EQ(evaluate(checkpoint).exit_code, 0);
  EXPECT_EQ(evaluate(checkpoint).out, evaluate("lenet.pt").out);
}

TEST_F(ResumeRun, KeepsAsManyAsAskedAndTheBest) {
  ASSERT_EQ(run(command({"--checkpoint-every", "20steps", "--keep", "2"})).exit_code, 0);
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "runs/lenet-1/checkpoints")) {
    count += entry.path().extension() == ".pt" ? 1 : 0;
  }
  EXPECT_THAT(count, ::testing::AnyOf(2u, 3u));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "runs/lenet-1/best.pt"));
}

TEST_F(ResumeRun, StopAfterLeavesWithTheCodeThatAsksForMore) {
  const SubprocessResult result = run(command({"--epochs", "100000", "--stop-after", "1s"}));
  EXPECT_EQ(result.exit_code, 85) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped by --stop-after"));
  EXPECT_EQ(run(command({"--epochs", "100000", "--stop-after", "1s", "--checkpoint-exit-code", "77"})).exit_code, 77);
  EXPECT_EQ(run(command({"--stop-after", "1"})).exit_code, 2);
  EXPECT_EQ(run(command({"--epochs", "1", "--stop-after", "500m"})).exit_code, 0);
  EXPECT_EQ(run(command({"--checkpoint-every", "0epochs"})).exit_code, 2);
}

// Else a job that is started again after each stop would never end.
TEST_F(ResumeRun, HoweverShortAProcessIsItMakesAStep) {
  for (const int step : {1, 2, 3}) {
    const SubprocessResult result = run(command({"--run-dir", "mine", "--resume", "auto", "--stop-after", "0.00001s"}));
    EXPECT_EQ(result.exit_code, 85) << result.err;
    EXPECT_TRUE(std::filesystem::exists(folder_ / fmt::format("mine/checkpoints/step-{:09}.pt", step))) << result.err;
  }
}

TEST_F(ResumeRun, ASecondOwnerIsToldWhoTheFirstIs) {
  Subprocess first = command({"--epochs", "100000", "--run-dir", "mine", "--stop-after", "8s"});
  SubprocessResult second;
  bool tried = false;
  first.signal_when = [&](const std::string& out) {
    if (tried || out.find("Train Epoch: 2 ") == std::string::npos) return false;
    tried = true;
    second = run(command({"--run-dir", "mine", "--resume", "auto", "--epochs", "100000"}));
    return true;
  };
  first.signal = SIGTERM;
  EXPECT_EQ(run(first).exit_code, 143);
  EXPECT_EQ(second.exit_code, 3);
  EXPECT_THAT(second.err, AllOf(HasSubstr("error: run directory 'mine' is in use by process "), HasSubstr("hint: ")));
}

// What --output names is never lost to a worse model.
TEST_F(ResumeRun, AModelThatIsBetterIsKept) {
  ASSERT_EQ(run(command({"--epochs", "2", "--output", "model.pt"})).exit_code, 0);
  const std::string better = content_of(folder_ / "model.pt");
  ASSERT_EQ(run(command({"--epochs", "1", "--output", "model.pt"})).exit_code, 0);
  EXPECT_TRUE(content_of(folder_ / "model.pt.bak") == better);
  ASSERT_EQ(run(command({"--epochs", "1", "--output", "model.pt", "--seed", "8", "--overwrite"})).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "model.pt.bak2"));

  write_file(folder_ / "notes.pt", "not ours");
  const SubprocessResult result = run(command({"--epochs", "1", "--output", "notes.pt"}));
  EXPECT_THAT(result.err, HasSubstr("it is kept as 'notes.pt.bak'"));
  EXPECT_EQ(content_of(folder_ / "notes.pt.bak"), "not ours");
  EXPECT_EQ(run(command({"--epochs", "1", "--output", "new/folder/model.pt"})).exit_code, 0);
  EXPECT_EQ(run(command({"--epochs", "1", "--output", ""})).exit_code, 2);
}

// The file behind a link is what is replaced, and so what has to be kept.
TEST_F(ResumeRun, AModelBehindALinkIsKeptToo) {
  write_file(folder_ / "models" / "real.pt", "the old model");
  std::filesystem::create_symlink("models/real.pt", folder_ / "latest.pt");
  ASSERT_EQ(run(command({"--epochs", "1", "--output", "latest.pt"})).exit_code, 0);
  EXPECT_EQ(content_of(folder_ / "latest.pt.bak"), "the old model");
  EXPECT_NE(content_of(folder_ / "models" / "real.pt"), "the old model");
}

TEST_F(ResumeRun, AFinishedRunWithoutCheckpointsIsNotWrittenOver) {
  const std::vector<std::string> first = {"--epochs", "1", "--run-dir", "mine", "--resume", "auto"};
  ASSERT_EQ(run(command(first)).exit_code, 0);
  std::filesystem::remove_all(folder_ / "mine" / "checkpoints");
  const std::string metrics = content_of(folder_ / "mine" / "metrics.csv");
  EXPECT_EQ(run(command({"--epochs", "2", "--run-dir", "mine", "--resume", "auto"})).exit_code, 2);
  EXPECT_EQ(content_of(folder_ / "mine" / "metrics.csv"), metrics);
}

TEST_F(ResumeRun, WritesItsModelAgainWhereItIsNot) {
  const std::vector<std::string> first = {"--epochs", "1", "--run-dir", "mine", "--resume", "auto"};
  ASSERT_EQ(run(command(first)).exit_code, 0);
  const std::string model = content_of(folder_ / "lenet.pt");
  // Another place, where something else is.
  write_file(folder_ / "notes.pt", "not ours");
  std::vector<std::string> other = first;
  other.insert(other.end(), {"--output", "notes.pt"});
  EXPECT_EQ(run(command(other)).exit_code, 0);
  EXPECT_TRUE(content_of(folder_ / "notes.pt") == model);
  EXPECT_EQ(content_of(folder_ / "notes.pt.bak"), "not ours");
  std::filesystem::remove(folder_ / "lenet.pt");
  std::vector<std::string> back = first;
  back.insert(back.end(), {"--save-model", "lenet.pt"});
  EXPECT_EQ(run(command(back)).exit_code, 0) << "two names for one option";
  EXPECT_TRUE(content_of(folder_ / "lenet.pt") == model);
}

TEST_F(ResumeRun, OptionsThatChangedOutliveAKill) {
  ASSERT_EQ(run(command({"--epochs", "1", "--run-dir", "mine"})).exit_code, 0);
  EXPECT_EQ(stopped(SIGKILL, "Epoch: 2 [60/", {"--resume", "mine", "--epochs", "2"}).exit_code, 128 + SIGKILL);
  Subprocess bare = program(MNIST_BINARY, {"train", "--resume", "mine"});
  bare.folder = folder_.path();
  const SubprocessResult result = run(bare);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Train Epoch: 2 [198/"));
}

TEST_F(ResumeRun, ADamagedLogIsSetAside) {
  ASSERT_EQ(stopped(SIGTERM, "Epoch: 1 [40/", {"--run-dir", "mine"}).exit_code, 143);
  write_file(folder_ / "mine" / "log.txt", std::string(100, '\0'));
  const SubprocessResult result = run(command({"--resume", "mine"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "mine" / "log.txt.damaged"));
}

TEST_F(ResumeRun, ALossThatExplodesKeepsTheLastGoodCheckpoint) {
  write_file(folder_ / "lenet.pt", "the old model");
  const SubprocessResult result = run(command({"--lr", "1e6", "--checkpoint-every", "1steps"}));
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_THAT(result.err, HasSubstr("error: training diverged: "));
  EXPECT_EQ(content_of(folder_ / "lenet.pt"), "the old model");
  EXPECT_THAT(manifest("runs/lenet-1")["outcome"].get<std::string>(), StartsWith("failed: training diverged"));
}

TEST_F(ResumeRun, ConfigIsResolved) {
  ASSERT_EQ(run(command({"--epochs", "1", "--threads", "1"})).exit_code, 0);
  EXPECT_THAT(content_of(folder_ / "runs/lenet-1/config.toml"),
              AllOf(HasSubstr("\ndevice = \"cpu\"\n"), HasSubstr("\nthreads = 1\n"),
                    HasSubstr("\noutput = \"lenet.pt\"\n"), Not(HasSubstr("\"auto\"")), Not(HasSubstr("resume"))));
}

}  // namespace
}  // namespace mnist::test
