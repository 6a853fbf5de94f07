#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/report/progress.hpp"
#include "mnist/report/reference_log.hpp"

namespace mnist {
namespace {

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

}  // namespace
}  // namespace mnist
