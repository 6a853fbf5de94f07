// Runs as they are read: what the writers of the run directory write comes back.
#include "mnist/report/run_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include "mnist/core/error.hpp"
#include "mnist/report/metrics_files.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::TemporaryFolder;
using test::write_file;
using ::testing::HasSubstr;

// Two epochs with two intervals each; the first epoch is the better one.
void write_rows(const std::filesystem::path& run) {
  spdlog::logger log("test", std::make_shared<spdlog::sinks::null_sink_mt>());
  MetricsFiles metrics(run, {}, log);
  for (std::int64_t epoch = 1; epoch <= 2; ++epoch) {
    for (std::int64_t i = 0; i < 2; ++i) {
      metrics.interval({.epoch = epoch, .step = 2 * (epoch - 1) + i, .loss = 1.5, .lr = 0.25});
    }
    EpochReport report{
        .train =
            {.epoch = epoch, .lr = 0.25, .seconds = 2, .images_per_second = 50, .loss = 0.5, .correct = 8, .total = 10},
        .test_seconds = 1,
        .test = {.loss = 0.75, .correct = 10 - epoch, .total = 10}};
    metrics.epoch_done(report);
  }
  metrics.finish();
}

RunDescription description() {
  return {.command_line = "mnist train --lr 0.25",
          .config = "[train]\n",
          .arch = "cnn",
          .dataset = "mnist",
          .device = "cpu (2 threads)",
          .precision = "fp32",
          .seed = 7};
}

TEST(RunRecord, HasWhatWasWritten) {
  const TemporaryFolder folder;
  {
    RunDirectory run = RunDirectory::at(folder / "run", "mnist train");
    run.begin(description());
    write_rows(run.path());
    EXPECT_EQ(read_run(folder / "run").state(), "running");
    run.end({.outcome = Outcome::finished,
             .reason = "all epochs",
             .result = RunResult{2, 2, {.loss = 0.75, .correct = 8, .total = 10}},
             .model = "/somewhere/model.pt"});
  }
  ASSERT_TRUE(is_run(folder / "run"));
  const RunRecord record = read_run(folder / "run");
  EXPECT_EQ(record.state(), "finished");
  EXPECT_EQ(record.manifest.seed, 7U);
  EXPECT_EQ(record.manifest.device, "cpu (2 threads)");
  EXPECT_EQ(record.manifest.model, "/somewhere/model.pt");
  ASSERT_EQ(record.manifest.sessions.size(), 1U);
  EXPECT_EQ(record.manifest.sessions[0].reason, "all epochs");
  EXPECT_EQ(record.manifest.sessions[0].exit_code, 0);
  ASSERT_TRUE(record.manifest.result);
  EXPECT_EQ(record.manifest.result->test.correct, 8);
  ASSERT_EQ(record.steps.size(), 4U);
  EXPECT_EQ(record.steps[3].step, 3);
  EXPECT_DOUBLE_EQ(record.steps[3].loss, 1.5);
  ASSERT_EQ(record.epochs.size(), 2U);
  EXPECT_DOUBLE_EQ(record.epochs[1].train_accuracy, 0.8);
  EXPECT_EQ(record.epochs[1].train_seconds, 2);
  EXPECT_EQ(record.epochs[1].test_seconds, 1);
  ASSERT_NE(record.best(), nullptr);
  EXPECT_EQ(record.best()->epoch, 1);
}

TEST(RunRecord, ARunWithoutAProcessIsInterrupted) {
  const TemporaryFolder folder;
  RunDirectory::at(folder / "run", "mnist train").begin(description());
  EXPECT_EQ(read_run(folder / "run").state(), "interrupted");
  EXPECT_FALSE(std::filesystem::exists(folder / "run" / ".lock"));
  RunDirectory run = RunDirectory::existing(folder / "run", "mnist train");
  run.resume(description(), 3, 17);
  run.end({.outcome = Outcome::diverged, .reason = "the loss is nan", .is_error = true, .exit_code = 5});
  const RunRecord record = read_run(folder / "run");
  EXPECT_EQ(record.state(), "diverged");
  ASSERT_EQ(record.manifest.sessions.size(), 2U);
  EXPECT_EQ(record.manifest.sessions[1].from_epoch, 3);
  EXPECT_EQ(record.manifest.sessions[1].from_step, 17);
  EXPECT_EQ(record.best(), nullptr);
}

TEST(RunRecord, DamagedRowsAreMissing) {
  const TemporaryFolder folder;
  RunDirectory::at(folder / "run", "mnist train").begin(description());
  write_rows(folder / "run");
  write_file(
      folder / "run" / "metrics.csv",
      test::content_of(folder / "run" / "metrics.csv") +
          "train,1,x,0.1,0.1,,,,,\ntrain,1,8,0.1,nan,,,,,\ntrain,1,8,0.1,inf,,,,,\ntest,3\n\ntrain,9,9,1,1,,,,,");
  write_file(folder / "run" / "timing.jsonl", R"({"kind":"test","epoch":"two"})"
                                              "\n[\"test\"\n{\"kind\":\"test\",\"epoch\":2,\"train_seconds\":null}\n");
  const RunRecord record = read_run(folder / "run");
  EXPECT_EQ(record.steps.size(), 4U) << "the last row has no end: it may be half written";
  EXPECT_EQ(record.epochs.size(), 2U);
  EXPECT_FALSE(record.epochs[1].train_seconds);
}

std::string error_of(const std::filesystem::path& run) {
  try {
    read_run(run);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(RunRecord, OtherFoldersAreRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of(folder / "nothing"), HasSubstr("there is no run directory"));
  EXPECT_THAT(error_of(folder.path()), HasSubstr("it has no manifest.json"));
  for (const char* manifest : {"{", "[]", "{}", R"({"outcome": "wonderful", "sessions": []})",
                               R"({"outcome": "running", "sessions": [], "result": {"epochs": "many"}})"}) {
    write_file(folder / "run" / "manifest.json", manifest);
    EXPECT_THAT(error_of(folder / "run"), HasSubstr("is damaged")) << manifest;
  }
}

}  // namespace
}  // namespace mnist
