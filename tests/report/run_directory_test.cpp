// Run directories: numbers, manifest and sessions, one owner, which run is the one to continue.
#include "mnist/report/run_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;

RunDirectory numbered(const TemporaryFolder& folder, const std::string& arch) {
  return RunDirectory::numbered(folder / "runs", arch, "mnist train");
}

TEST(RunDirectory, IsNumberedAndNeverReused) {
  const TemporaryFolder folder;
  EXPECT_EQ(numbered(folder, "cnn").path(), folder / "runs" / "cnn-1");
  EXPECT_EQ(numbered(folder, "cnn").path(), folder / "runs" / "cnn-2");
  EXPECT_EQ(numbered(folder, "lenet").path(), folder / "runs" / "lenet-1");
  std::filesystem::remove_all(folder / "runs" / "cnn-2");
  EXPECT_EQ(numbered(folder, "cnn").path(), folder / "runs" / "cnn-3") << "the number of a run that was removed";
  // Folders from before numbers were noted, and names that only look like one.
  std::filesystem::remove(folder / "runs" / ".last-cnn");
  std::filesystem::create_directory(folder / "runs" / "cnn-7");
  std::filesystem::create_directory(folder / "runs" / "cnn-9x");
  EXPECT_EQ(numbered(folder, "cnn").path(), folder / "runs" / "cnn-8");
}

TEST(RunDirectory, HoldsConfigAndManifest) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::at(folder / "mine", "mnist train");
  RunDescription description;
  description.command_line = "mnist train";
  description.config = "[train]\narch=\"cnn\"\n";
  description.seed = 7;
  run.begin(description);
  EXPECT_EQ(content_of(run.path() / "config.toml"), "[train]\narch=\"cnn\"\n");
  auto manifest = nlohmann::json::parse(content_of(run.path() / "manifest.json"));
  EXPECT_EQ(manifest["outcome"], "running");
  EXPECT_EQ(manifest["seed"], 7);
  run.end({.outcome = Outcome::finished});
  manifest = nlohmann::json::parse(content_of(run.path() / "manifest.json"));
  EXPECT_EQ(manifest["outcome"], "finished");
  EXPECT_FALSE(manifest["finished"].is_null());
}

TEST(RunDirectory, HasASessionForEachProcess) {
  const TemporaryFolder folder;
  {
    RunDirectory run = RunDirectory::at(folder / "mine", "mnist train");
    run.begin({.command_line = "first", .threads = 2});
    run.end({.outcome = Outcome::interrupted});
  }
  RunDirectory run = RunDirectory::existing(folder / "mine", "mnist train");
  run.resume({.command_line = "second", .threads = 4}, 3, 120);
  run.end({.outcome = Outcome::finished});
  const auto manifest = nlohmann::json::parse(content_of(folder / "mine" / "manifest.json"));
  EXPECT_EQ(manifest["command_line"], "first");
  EXPECT_EQ(manifest["outcome"], "finished");
  ASSERT_EQ(manifest["sessions"].size(), 2u);
  EXPECT_EQ(manifest["sessions"][0]["outcome"], "interrupted");
  EXPECT_EQ(manifest["sessions"][1]["command_line"], "second");
  EXPECT_EQ(manifest["sessions"][1]["threads"], 4);
  EXPECT_EQ(manifest["sessions"][1]["from_epoch"], 3);
  EXPECT_EQ(manifest["sessions"][1]["from_step"], 120);
}

nlohmann::json manifest_in(const std::filesystem::path& run) {
  return nlohmann::json::parse(content_of(run / "manifest.json"));
}

TEST(RunDirectory, SaysWhatTheRunHasComeToAndHowLongAllSessionsTook) {
  const TemporaryFolder folder;
  const auto ago = [](int seconds) { return std::chrono::steady_clock::now() - std::chrono::seconds(seconds); };
  {
    RunDirectory run = RunDirectory::at(folder / "mine", "mnist train");
    run.begin({.start = ago(100)});
    EXPECT_TRUE(manifest_in(folder / "mine")["result"].is_null());
    run.note({.epochs = 1, .epoch = 1, .test = {.loss = 0.5, .correct = 9, .total = 10}});
  }  // killed
  auto manifest = manifest_in(folder / "mine");
  EXPECT_EQ(manifest["outcome"], "running");
  EXPECT_EQ(manifest["result"]["accuracy"], 0.9);
  EXPECT_GE(manifest["sessions"][0]["seconds"].get<double>(), 100);
  const double first = manifest["sessions"][0]["seconds"];

  test::write_file(folder / "model.pt", "abc");
  RunDirectory run = RunDirectory::existing(folder / "mine", "mnist train");
  run.resume({.start = ago(10)}, 2, 0, RunResult{1, 1, {.loss = 0.5, .correct = 9, .total = 10}});
  EXPECT_EQ(manifest_in(folder / "mine")["result"]["epochs"], 1);
  run.end({.outcome = Outcome::finished,
           .reason = "all epochs",
           .result = RunResult{3, 2, {.loss = 0.25, .correct = 10, .total = 10}},
           .model = folder / "model.pt"});
  manifest = manifest_in(folder / "mine");
  const double second = manifest["sessions"][1]["seconds"];
  EXPECT_GE(second, 10);
  EXPECT_DOUBLE_EQ(manifest["seconds"].get<double>(), first + second);
  EXPECT_EQ(manifest["exit_reason"], "all epochs");
  EXPECT_EQ(manifest["exit_code"], 0);
  EXPECT_EQ(manifest["result"], nlohmann::json::parse(R"({"epochs": 3, "epoch": 2, "test_loss": 0.25, "accuracy": 1.0,
                                                          "correct": 10, "total": 10})"));
  EXPECT_EQ(manifest["model"]["path"], (folder / "model.pt").string());
  EXPECT_EQ(manifest["model"]["sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(RunDirectory, DoesNotSayHowLongSessionsTookThatItDoesNotKnow) {
  const TemporaryFolder folder;
  {
    RunDirectory run = RunDirectory::at(folder / "mine", "mnist train");
    run.begin({});
  }
  std::filesystem::remove(folder / "mine" / "manifest.json");
  RunDirectory run = RunDirectory::existing(folder / "mine", "mnist train");
  run.resume({}, 2, 0);
  run.end({.outcome = Outcome::interrupted, .reason = "SIGTERM", .exit_code = 143});
  const auto manifest = manifest_in(folder / "mine");
  EXPECT_TRUE(manifest["seconds"].is_null());
  EXPECT_TRUE(manifest["sessions"][0]["seconds"].is_number());
  EXPECT_EQ(manifest["sessions"][0]["exit_reason"], "SIGTERM");
  EXPECT_EQ(manifest["exit_code"], 143);
  EXPECT_TRUE(manifest["model"].is_null());
}

TEST(RunDirectory, ARunIsNotWrittenOver) {
  const TemporaryFolder folder;
  RunDirectory::at(folder / "mine", "mnist train").begin({});
  EXPECT_THROW(RunDirectory::at(folder / "mine", "mnist train"), Error);
  test::write_file(folder / "file", "");
  EXPECT_THROW(RunDirectory::at(folder / "file" / "x", "mnist train"), Error);
}

TEST(RunDirectory, HasOneOwner) {
  const TemporaryFolder folder;
  const RunDirectory run = RunDirectory::at(folder / "mine", "mnist train --lr 2");
  try {
    RunDirectory::existing(folder / "mine", "mnist train");
    FAIL() << "two owners";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is in use by process " + std::to_string(::getpid())));
  }
}

TEST(RunDirectory, ThatWasRemovedIsMadeAndLockedAgain) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::at(folder / "mine", "mnist train");
  run.begin({.command_line = "mnist train"});
  std::filesystem::remove_all(folder / "mine");
  run.ensure();
  EXPECT_THROW(RunDirectory::existing(folder / "mine", "mnist train"), Error) << "is not locked";
  ASSERT_TRUE(read_summary(folder / "mine"));
  EXPECT_EQ(read_summary(folder / "mine")->outcome, Outcome::running);
  run.ensure();
  run.end({.outcome = Outcome::finished});
  EXPECT_EQ(read_summary(folder / "mine")->outcome, Outcome::finished);
}

// Some remove the lock of a run that they take for dead.
TEST(RunDirectory, ALockThatWasRemovedIsTakenAgain) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::at(folder / "mine", "mnist train");
  std::filesystem::remove(folder / "mine" / ".lock");
  run.ensure();
  EXPECT_THROW(RunDirectory::existing(folder / "mine", "mnist train"), Error);
}

TEST(RunDirectory, ThatAnotherRunHasTakenIsLeftToIt) {
  const TemporaryFolder folder;
  RunDirectory first = RunDirectory::at(folder / "mine", "mnist train");
  first.begin({.command_line = "first"});
  std::filesystem::remove_all(folder / "mine");
  {
    RunDirectory second = RunDirectory::at(folder / "mine", "mnist train");
    second.begin({.command_line = "second"});
    const std::string manifest = content_of(folder / "mine" / "manifest.json");
    EXPECT_THROW(first.ensure(), Error);
    EXPECT_THROW(first.end({.outcome = Outcome::finished}), Error);
    EXPECT_EQ(content_of(folder / "mine" / "manifest.json"), manifest);
    EXPECT_THROW(RunDirectory::existing(folder / "mine", "mnist train"), Error) << "the second has lost its lock";
  }
  EXPECT_NO_THROW(first.ensure()) << "the second has left";
}

void make_run(const std::filesystem::path& path, const std::string& outcome, const std::string& started,
              bool has_checkpoint) {
  const nlohmann::json manifest = {{"arch", "cnn"},
                                   {"outcome", outcome},
                                   {"started", "2026-01-01T00:00:00Z"},
                                   {"sessions", {{{"started", started}}}}};
  test::write_file(path / "manifest.json", manifest.dump());
  if (has_checkpoint) test::write_file(path / "checkpoints" / "step-000000010.pt", "x");
}

TEST(NewestUnfinished, IsThatWhoseLastSessionBeganLast) {
  const TemporaryFolder folder;
  EXPECT_FALSE(newest_unfinished(folder / "runs"));
  make_run(folder / "runs" / "cnn-1", "interrupted", "2026-03-01T00:00:00Z", true);
  make_run(folder / "runs" / "cnn-2", "running", "2026-02-01T00:00:00Z", true);
  make_run(folder / "runs" / "cnn-3", "finished", "2026-04-01T00:00:00Z", true);
  make_run(folder / "runs" / "cnn-4", "diverged: training diverged: the loss", "2026-05-01T00:00:00Z", true);
  make_run(folder / "runs" / "cnn-5", "interrupted", "2026-06-01T00:00:00Z", false);
  test::write_file(folder / "runs" / "cnn-6" / "manifest.json", "{ no JSON");
  ASSERT_TRUE(newest_unfinished(folder / "runs"));
  EXPECT_EQ(newest_unfinished(folder / "runs")->path, folder / "runs" / "cnn-1");
  make_run(folder / "runs" / "cnn-7", "failed: the disk is full", "2026-07-01T00:00:00Z", true);
  EXPECT_EQ(newest_unfinished(folder / "runs")->path, folder / "runs" / "cnn-7");
}

}  // namespace
}  // namespace mnist
