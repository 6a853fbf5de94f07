#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/report/progress.hpp"
#include "mnist/report/reference_log.hpp"
#include "mnist/report/run_directory.hpp"

#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::content_of;
using test::TemporaryFolder;
using ::testing::HasSubstr;

IntervalReport interval(std::int64_t batch, std::int64_t batch_items, double loss) {
  return {.epoch = 1,
          .batch = batch,
          .batches = 938,
          .step = batch,
          .batch_items = batch_items,
          .items = 60000,
          .loss = loss,
          .lr = 1};
}

// The forms that log readers match, from the reference program's own output.
TEST(ReferenceLog, LinesAreThoseOfTheReferenceProgram) {
  EXPECT_EQ(train_line(interval(0, 64, 2.3)), "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.300000");
  EXPECT_EQ(train_line(interval(10, 64, 2.1)), "Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.100000");
  EXPECT_EQ(train_line(interval(930, 64, 0.0123456)), "Train Epoch: 1 [59520/60000 (99%)]\tLoss: 0.012346");
  EXPECT_EQ(train_line(interval(937, 32, 1)), "Train Epoch: 1 [29984/60000 (100%)]\tLoss: 1.000000");
  EXPECT_EQ(test_line({.loss = 0.04921, .correct = 9831, .total = 10000}),
            "Test set: Average loss: 0.0492, Accuracy: 9831/10000 (98%)");
}

TEST(ReferenceLog, TestLineStandsBetweenEmptyLines) {
  std::string text;
  ReferenceLog log([&](const std::string& line) { text += line; });
  log.interval(interval(0, 64, 2.3));
  log.epoch_done({.train = {.epoch = 1}, .test = {.loss = 0.5, .correct = 1, .total = 2}});
  EXPECT_EQ(text,
            "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.300000\n"
            "\nTest set: Average loss: 0.5000, Accuracy: 1/2 (50%)\n\n");
}

TEST(ProgressLine, FitsTheTerminalAndGivesUpTheBarFirst) {
  EXPECT_EQ(progress_line(2, 14, 0.5, 1430, 21, 79),
            "epoch 2/14 [==============>               ]  50 %  1,430 images/s  0:21 left");
  EXPECT_EQ(progress_line(2, 14, 0.5, 1430, 21, 52), "epoch 2/14 [==>   ]  50 %  1,430 images/s  0:21 left");
  EXPECT_EQ(progress_line(2, 14, 0.5, 1430, 21, 44), "epoch 2/14   50 %  1,430 images/s  0:21 left");
  EXPECT_EQ(progress_line(2, 14, 0.5, 1430, 21, 10), "epoch 2/14");
  EXPECT_EQ(progress_line(1, 2, 0, -1, -1, 40), "epoch 1/2 [                      ]   0 %");
}

TEST(ProgressLine, DurationsAreShort) {
  EXPECT_EQ(short_duration(0.4), "0:00");
  EXPECT_EQ(short_duration(61), "1:01");
  EXPECT_EQ(short_duration(3729), "1:02:09");
}

TEST(ProgressLine, LeavesTheLineEmpty) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* file = open_memstream(&text, &size);
  {
    ProgressLine progress(file);
    progress.batch_done({1, 2, 1, 10, 64});
  }
  std::fclose(file);
  const std::string written(text, size);
  std::free(text);
  EXPECT_THAT(written, HasSubstr("epoch 1/2"));
  EXPECT_TRUE(written.ends_with("\r\x1b[K"));
}

TEST(RunDirectory, IsNumberedAndNeverReused) {
  const TemporaryFolder folder;
  EXPECT_EQ(RunDirectory::numbered(folder / "runs", "cnn").path(), folder / "runs" / "cnn-1");
  EXPECT_EQ(RunDirectory::numbered(folder / "runs", "cnn").path(), folder / "runs" / "cnn-2");
  EXPECT_EQ(RunDirectory::numbered(folder / "runs", "lenet").path(), folder / "runs" / "lenet-1");
}

TEST(RunDirectory, HoldsConfigAndManifest) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::at(folder / "mine");
  RunDescription description;
  description.command_line = "mnist train";
  description.config = "[train]\narch=\"cnn\"\n";
  description.seed = 7;
  run.begin(description);
  EXPECT_EQ(content_of(run.path() / "config.toml"), "[train]\narch=\"cnn\"\n");
  auto manifest = nlohmann::json::parse(content_of(run.path() / "manifest.json"));
  EXPECT_EQ(manifest["outcome"], "running");
  EXPECT_EQ(manifest["seed"], 7);
  run.end("finished");
  manifest = nlohmann::json::parse(content_of(run.path() / "manifest.json"));
  EXPECT_EQ(manifest["outcome"], "finished");
  EXPECT_FALSE(manifest["finished"].is_null());
}

TEST(RunDirectory, ARunIsNotWrittenOver) {
  const TemporaryFolder folder;
  RunDirectory::at(folder / "mine").begin({});
  EXPECT_THROW(RunDirectory::at(folder / "mine"), Error);
  test::write_file(folder / "file", "");
  EXPECT_THROW(RunDirectory::at(folder / "file" / "x"), Error);
}

TEST(MetricsFiles, HaveARowAnIntervalAndAnEpoch) {
  const TemporaryFolder folder;
  {
    MetricsFiles metrics(folder.path());
    metrics.interval(interval(10, 64, 2.5));
    // Flushed row by row: what a killed run leaves.
    EXPECT_THAT(content_of(folder / "metrics.jsonl"), HasSubstr("2.5"));
    metrics.epoch_done({.train = {.epoch = 1, .lr = 1, .seconds = 2, .loss = 0.75, .correct = 15, .total = 20},
                        .test_seconds = 1,
                        .test = {.loss = 0.5, .correct = 9, .total = 10}});
  }
  std::istringstream lines(content_of(folder / "metrics.jsonl"));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["kind"], "train");
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["accuracy"], 0.9);
  EXPECT_EQ(content_of(folder / "metrics.csv"),
            "kind,epoch,step,lr,loss,correct,total,accuracy,images_per_second,seconds,train_loss,train_accuracy,"
            "train_seconds,test_seconds\n"
            "train,1,10,1,2.5,,,,0.0,,,,,\n"
            "test,1,,1,0.5,9,10,0.900000,0.0,3.000,0.75,0.750000,2.000,1.000\n");
}

TEST(MetricsFiles, AFolderThatIsNotThereIsAnError) {
  EXPECT_THROW(MetricsFiles("/proc/no-such-folder"), Error);
}

TEST(MetricsFiles, AFullDiskIsAnError) {
  const test::TemporaryFolder folder;
  std::filesystem::create_symlink("/dev/full", folder / "metrics.csv");
  EXPECT_THROW(MetricsFiles(folder.path()), Error);
}

}  // namespace
}  // namespace mnist
