// A run as a process that is stopped, killed and damaged: the same command continues it, and in the end nobody sees
// that it was not one process.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resume_run.hpp"

namespace mnist::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(ResumeRun, AfterASignalIsTheRunThatWasNotStopped) {
  ASSERT_EQ(run(command({"--epochs", "12", "--run-dir", "whole", "--output", "whole.pt"})).exit_code, 0);
  const std::vector<std::string> same = {"--epochs", "12",   "--run-dir", "parts",
                                         "--resume", "auto", "--output",  "parts.pt"};
  struct Case {
    int signal, exit_code;
    const char* name;
    Place place;
  };
  for (const Case& one : {Case{SIGTERM, 143, "SIGTERM", {1, 6}},
                          {SIGINT, 130, "SIGINT", {4, 100}},
                          {SIGUSR1, 85, "SIGUSR1", {7, 0}},
                          {SIGHUP, 129, "SIGHUP", {9, 180}}}) {
    SCOPED_TRACE(one.name);
    const SubprocessResult result = stopped(one.signal, one.place, same);
    EXPECT_EQ(result.exit_code, one.exit_code) << result.err;
    EXPECT_THAT(result.err,
                AllOf(HasSubstr(std::string("stopped by ") + one.name), HasSubstr(std::string(" s after ") + one.name),
                      HasSubstr(" train --resume parts\n")));
    EXPECT_EQ(manifest("parts")["outcome"], "interrupted");
    EXPECT_EQ(manifest("parts")["exit_reason"], one.name);
    EXPECT_EQ(manifest("parts")["exit_code"], one.exit_code);
    EXPECT_TRUE(manifest("parts")["model"].is_null());
    EXPECT_FALSE(std::filesystem::exists(folder_ / "parts.pt"));
  }
  const SubprocessResult last = run(command(same));
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_THAT(last.err, StartsWith("continues 'parts' from step-"));
  EXPECT_TRUE(content_of(folder_ / "whole.pt") == content_of(folder_ / "parts.pt"));
  expect_same_run("whole", "parts");
  EXPECT_EQ(manifest("parts")["sessions"].size(), 5u);
  EXPECT_EQ(manifest("parts")["result"], manifest("whole")["result"]);
  EXPECT_EQ(manifest("parts")["exit_reason"], "all epochs");
  const nlohmann::json parts = manifest("parts");
  double seconds = 0;
  for (const auto& session : parts["sessions"]) seconds += session["seconds"].get<double>();
  EXPECT_NEAR(parts["seconds"].get<double>(), seconds, 1e-6);

  const SubprocessResult again = run(command(same));
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("the run in 'parts' is finished: 'parts.pt'"));
  EXPECT_EQ(again.out, "");
}

TEST_F(ResumeRun, AfterAKillIsTheRunThatWasNotStopped) {
  ASSERT_EQ(run(command({"--epochs", "12", "--run-dir", "whole", "--output", "whole.pt"})).exit_code, 0);
  const std::vector<std::string> same = {"--epochs", "12",       "--run-dir",          "parts", "--resume", "auto",
                                         "--output", "parts.pt", "--checkpoint-every", "7steps"};
  for (const Place& place : {Place{1, 0}, Place{4, 120}, Place{7, 0}, Place{9, 4}}) {
    EXPECT_EQ(stopped(SIGKILL, place, same).exit_code, 128 + SIGKILL);
  }
  const SubprocessResult last = run(command(same));
  EXPECT_EQ(last.exit_code, 0) << last.err;
  EXPECT_TRUE(content_of(folder_ / "whole.pt") == content_of(folder_ / "parts.pt"));
  expect_same_run("whole", "parts");
}

TEST_F(ResumeRun, ADamagedCheckpointFallsBackToTheOneBefore) {
  ASSERT_EQ(run(command({"--epochs", "6", "--run-dir", "whole", "--output", "whole.pt"})).exit_code, 0);
  // Two processes, so that the first one's checkpoint is written whatever the second does, and none in between.
  const std::vector<std::string> parts = {"--epochs", "6",        "--run-dir",          "parts",    "--resume", "auto",
                                          "--output", "parts.pt", "--checkpoint-every", "100epochs"};
  std::vector<std::string> first = parts;
  first.insert(first.end(), {"--epochs", "1"});
  ASSERT_EQ(run(command(first)).exit_code, 0);
  ASSERT_EQ(stopped(SIGTERM, {2, 60}, parts).exit_code, 143);
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
  EXPECT_THAT(result.err, AllOf(HasSubstr("SHA-256 does not match"), HasSubstr("trying the previous one"),
                                HasSubstr("continues 'parts' from step-000000100.pt, after 1 epoch")));
  EXPECT_TRUE(content_of(folder_ / "whole.pt") == content_of(folder_ / "parts.pt"));
  expect_same_files("whole", "parts");
}

TEST_F(ResumeRun, CheckpointsThatAreAllDamagedAreAnError) {
  ASSERT_EQ(stopped(SIGTERM, {1, 40}, {"--run-dir", "mine", "--checkpoint-every", "100epochs"}).exit_code, 143);
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "mine" / "checkpoints")) {
    write_file(entry.path(), "not a checkpoint");
  }
  for (const std::vector<std::string>& again :
       {std::vector<std::string>{"--resume", "mine"}, {"--run-dir", "mine", "--resume", "auto"}}) {
    const SubprocessResult result = run(command(again));
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_THAT(result.err, HasSubstr("error: none of the checkpoints in 'mine/checkpoints' can be read"));
  }
}

TEST_F(ResumeRun, LostFilesAreMadeAnew) {
  ASSERT_EQ(stopped(SIGTERM, {1, 198}, {"--run-dir", "mine", "--lr", "0.02", "--epochs", "4"}).exit_code, 143);
  const std::string config = content_of(folder_ / "mine/config.toml");
  for (const char* file : {"config.toml", "manifest.json", "best.pt"}) {
    std::filesystem::remove(folder_ / "mine" / file);
  }
  EXPECT_EQ(run(command({"--resume", "mine", "--epochs", "4"})).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "mine/best.pt"));
  EXPECT_EQ(content_of(folder_ / "mine/config.toml"), config);
  EXPECT_EQ(manifest("mine")["outcome"], "finished");
}

// A job must not fail for ever because its first checkpoint was too late.
TEST_F(ResumeRun, BeginsAgainBesideWhatItHadBeforeItsFirstCheckpoint) {
  const std::vector<std::string> same = {"--run-dir", "mine", "--resume", "auto", "--checkpoint-every", "100epochs"};
  ASSERT_EQ(stopped(SIGKILL, {1, 0}, same).exit_code, 128 + SIGKILL);
  write_file(folder_ / "mine" / "last.pt", "of before");
  const SubprocessResult result = run(command(same));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err,
              HasSubstr("the run starts again; its old files are kept as last.pt.bak, metrics.jsonl.bak, "));
  EXPECT_EQ(content_of(folder_ / "mine" / "last.pt.bak"), "of before");
}

// A process can be killed before it has written more than its manifest.
TEST_F(ResumeRun, BeginsAgainInAFolderWithAManifestOnly) {
  const std::vector<std::string> same = {"--run-dir", "mine", "--resume", "auto", "--checkpoint-every", "1h"};
  ASSERT_EQ(stopped(SIGKILL, {1, 0}, same).exit_code, 128 + SIGKILL);
  const std::string text = content_of(folder_ / "mine" / "manifest.json");
  std::filesystem::remove_all(folder_ / "mine");
  write_file(folder_ / "mine" / "manifest.json", text);
  write_file(folder_ / "mine" / ".mnist-4711.tmp", "");
  const SubprocessResult result = run(command(same));
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(ResumeRun, BeginsAgainIfItWasKilledBeforeItsFirstCheckpoint) {
  const std::vector<std::string> same = {"--run-dir", "mine", "--resume", "auto", "--checkpoint-every", "1h"};
  ASSERT_EQ(stopped(SIGKILL, {1, 0}, same).exit_code, 128 + SIGKILL);
  EXPECT_EQ(run(command(same)).exit_code, 0);
  EXPECT_EQ(manifest("mine")["outcome"], "finished");
}

// Else a job that is started again after each stop would never end.
TEST_F(ResumeRun, HoweverShortAProcessIsItMakesAStep) {
  for (const int step : {1, 2, 3}) {
    const SubprocessResult result = run(command({"--run-dir", "mine", "--resume", "auto", "--stop-after", "0.00001s"}));
    EXPECT_EQ(result.exit_code, 85) << result.err;
    EXPECT_TRUE(std::filesystem::exists(folder_ / fmt::format("mine/checkpoints/step-{:09}.pt", step))) << result.err;
  }
}

TEST_F(ResumeRun, OptionsThatChangedOutliveAKill) {
  ASSERT_EQ(run(command({"--epochs", "1", "--run-dir", "mine"})).exit_code, 0);
  Subprocess longer = command({"--resume", "mine", "--epochs", "20", "--checkpoint-every", "1steps"});
  longer.signal_when = [&](const std::string&) {
    const auto files = std::filesystem::directory_iterator(folder_ / "mine" / "checkpoints");
    return std::ranges::any_of(files, [](const auto& file) { return file.path().filename() > "step-000000100.pt"; });
  };
  longer.signal = SIGKILL;
  EXPECT_EQ(run(longer).exit_code, 128 + SIGKILL);
  Subprocess bare = program(MNIST_BINARY, {"train", "--resume", "mine"});
  bare.folder = folder_.path();
  const SubprocessResult result = run(bare);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Train Epoch: 20 [198/"));
}

TEST_F(ResumeRun, ADamagedLogIsSetAside) {
  ASSERT_EQ(stopped(SIGTERM, {1, 40}, {"--run-dir", "mine"}).exit_code, 143);
  write_file(folder_ / "mine" / "log.txt", std::string(100, '\0'));
  const SubprocessResult result = run(command({"--resume", "mine"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "mine" / "log.txt.damaged"));
}

TEST_F(ResumeRun, ALossThatExplodesKeepsTheLastGoodCheckpoint) {
  write_file(folder_ / "lenet.pt", "the old model");
  // The second epoch's rate is beyond all reason.
  const SubprocessResult result = run(command({"--step-size", "1", "--gamma", "1e6", "--keep", "1"}));
  EXPECT_EQ(result.exit_code, 5) << result.err;
  EXPECT_THAT(result.err, HasSubstr("error: training diverged: "));
  EXPECT_EQ(content_of(folder_ / "lenet.pt"), "the old model");
  EXPECT_THAT(manifest("runs/lenet-1")["outcome"].get<std::string>(), StartsWith("diverged: training diverged"));
  const std::string checkpoint = "runs/lenet-1/checkpoints/step-000000100.pt";
  EXPECT_THAT(result.err, HasSubstr("the last good checkpoint: '" + checkpoint + "'"));
  Subprocess evaluate = program(MNIST_BINARY, {"evaluate", "--model", checkpoint, "--device", "cpu"});
  evaluate.folder = folder_.path();
  EXPECT_EQ(run(evaluate).exit_code, 0);
}

}  // namespace
}  // namespace mnist::test
