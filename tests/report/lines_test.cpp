#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/report/epoch_log.hpp"
#include "mnist/report/progress.hpp"
#include "mnist/report/reference_log.hpp"
#include "mnist/report/run_output.hpp"

namespace mnist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What `draw` puts on a terminal.
std::string drawn(const std::function<void(StatusLine&)>& draw) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* file = open_memstream(&text, &size);
  {
    StatusLine status(file);
    draw(status);
  }
  std::fclose(file);
  std::string written(text, size);
  std::free(text);
  return written;
}

// From the last one to the first one.
std::string erased_rows(int rows) {
  std::string text = "\r\x1b[2K";
  for (int row = 1; row < rows; ++row) text += "\x1b[1A\x1b[2K";
  return text;
}

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
  EXPECT_EQ(test_line({.loss = 0.5, .correct = 1, .total = 2}, "Training set"),
            "Training set: Average loss: 0.5000, Accuracy: 1/2 (50%)");
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

TEST(ProgressLine, FitsTheTerminalAndGivesUpTheLeastImportantFirst) {
  const ProgressFigures figures{.epoch = 2,
                                .epochs = 14,
                                .fraction = 0.5,
                                .loss = 0.1234,
                                .accuracy = 0.978,
                                .images_per_second = 1430,
                                .seconds_left = 21,
                                .memory = "612 MiB"};
  EXPECT_EQ(progress_line(figures, 117),
            "epoch 2/14 [==============>               ]  50 %  loss 0.123  acc 97.8 %  1,430 images/s  0:21 left"
            "  612 MiB");
  EXPECT_EQ(progress_line(figures, 77),
            "epoch 2/14 [===>   ]  50 %  loss 0.123  acc 97.8 %  1,430 images/s  0:21 left");
  EXPECT_EQ(progress_line(figures, 72), "epoch 2/14  50 %  loss 0.123  acc 97.8 %  1,430 images/s  0:21 left");
  EXPECT_EQ(progress_line(figures, 60), "epoch 2/14  50 %  loss 0.123  1,430 images/s  0:21 left");
  EXPECT_EQ(progress_line(figures, 40), "epoch 2/14  50 %  loss 0.123  0:21 left");
  EXPECT_EQ(progress_line(figures, 37), "2/14  50 %  loss 0.123  0:21 left");
  EXPECT_EQ(progress_line(figures, 10), "epoch 2/14");
  EXPECT_EQ(progress_line({.epoch = 1, .epochs = 2}, 40), "epoch 1/2 [                      ]   0 %");
}

TEST(ProgressLine, TakesNoMoreThanItsWidth) {
  ProgressFigures figures{.epoch = 1'000'000,
                          .epochs = 1'000'000,
                          .fraction = 1,
                          .loss = std::nan(""),
                          .accuracy = 1,
                          .images_per_second = 1e9,
                          .seconds_left = 1e6,
                          .memory = "GPU 87 %, 1.0 of 79.6 GiB, 54 C, 210 W"};
  for (int width = 0; width < 200; ++width)
    EXPECT_LE(progress_line(figures, width).size(), static_cast<unsigned>(width));
}

TEST(StatusLine, ErasesAllItsLinesBeforeALineAndDrawsThemBelow) {
  const std::string text = drawn([](StatusLine& status) {
    status.draw(std::vector<std::string>{"one", "two", "three"});
    status.interrupt([] {});
  });
  const std::string block = "\r\x1b[Kone\r\ntwo\r\nthree";
  const std::string erased = erased_rows(3);
  EXPECT_EQ(text, block + erased + block + erased);
}

TEST(StatusLine, CanLeaveItsLines) {
  const std::string text = drawn([](StatusLine& status) {
    status.draw(std::vector<std::string>{"one", "two"});
    status.leave();
    status.interrupt([] {});
  });
  EXPECT_EQ(text, "\r\x1b[Kone\r\ntwo\r\n");
}

// COLUMNS stands for the width of the terminal.
TEST(StatusLine, ErasesTheRowsOfLinesThatANarrowerTerminalHasBroken) {
  const std::string wide(70, 'w');
  ASSERT_EQ(::setenv("COLUMNS", "80", 1), 0);
  const std::string one = drawn([&](StatusLine& status) {
    status.draw(wide);
    ::setenv("COLUMNS", "30", 1);
    status.draw("narrow");
  });
  EXPECT_EQ(one, "\r\x1b[K" + wide + erased_rows(3) + "\r\x1b[Knarrow\r\x1b[K");
  ::setenv("COLUMNS", "80", 1);
  const std::string several = drawn([&](StatusLine& status) {
    status.draw(std::vector<std::string>{wide, "", wide});
    ::setenv("COLUMNS", "30", 1);
    status.draw(std::vector<std::string>{"one", "two", "three"});
    status.interrupt([] {});
    ::setenv("COLUMNS", "20", 1);
    status.draw(std::vector<std::string>{"one", "two", "three"});
  });
  ::unsetenv("COLUMNS");
  const std::string room = "\r\n\r\n\x1b[2A";
  const std::string to_bottom = "\0337\x1b[9999B\x1b[2A";
  const std::string block = "\r\x1b[Kone\r\ntwo\r\nthree";
  const std::string drawn_there = room + to_bottom + block;
  const std::string erased = erased_rows(3) + "\0338";
  EXPECT_EQ(several, "\r\x1b[K" + wide + "\r\n\r\n" + wide + erased_rows(7) + drawn_there + erased + drawn_there +
                         erased_rows(3) + drawn_there + erased);
}

// The gap that the first change left above the lines is theirs as long as no other line is written there.
TEST(StatusLine, ErasesTheGapAboveItIfTheTerminalChangesAgain) {
  ASSERT_EQ(::setenv("COLUMNS", "80", 1), 0);
  const std::string text = drawn([&](StatusLine& status) {
    status.draw(std::vector<std::string>{std::string(70, 'w'), std::string(70, 'w')});
    ::setenv("COLUMNS", "40", 1);
    status.draw(std::vector<std::string>{"one", "two"});
    ::setenv("COLUMNS", "30", 1);
    status.draw(std::vector<std::string>{"one", "two"});
    status.leave();
  });
  ::unsetenv("COLUMNS");
  EXPECT_THAT(text, HasSubstr("one\r\ntwo" + erased_rows(4) + "\r\n"));
  // What is left follows the other lines, without a gap.
  EXPECT_TRUE(text.ends_with(erased_rows(2) + "\0338\r\x1b[Kone\r\ntwo\r\n"));
}

TEST(ProgressLine, ShowsTheEvaluationOfAnEpoch) {
  const std::string text = drawn([](StatusLine& status) {
    ProgressLine progress(status);
    progress.training_done({.epoch = 1, .epochs = 2});
    progress.testing({1, 2, 0, 10'000});
    progress.epoch_done({.train = {.epoch = 1, .epochs = 2}});
  });
  EXPECT_EQ(text, "\r\x1b[Kepoch 1/2 testing\r\x1b[Kepoch 1/2 testing 0/10,000\r\x1b[K");
}

TEST(ProgressLine, CountsEpochsAsTheLinesBesideItDo) {
  EXPECT_THAT(drawn([](StatusLine& status) {
                ProgressLine(status).batch_done({1, 2, 1, 10, 64});
              }),
              HasSubstr("epoch 1/2 "));
  const std::string text = drawn([](StatusLine& status) {
    ProgressLine progress(status, first_epoch(LogStyle::transfer));
    progress.batch_done({1, 2, 1, 10, 64});
    progress.training_done({.epoch = 1, .epochs = 2});
  });
  EXPECT_THAT(text, AllOf(HasSubstr("epoch 0/1 ["), HasSubstr("epoch 0/1 testing"), Not(HasSubstr("1/2"))));
}

TEST(CountLine, IsThereAtOnceAndGoesAway) {
  const std::string text = drawn([](StatusLine& status) {
    CountLine line(status, "reading photos");
    line.count(1'200, 3'872);
  });
  EXPECT_EQ(text, "\r\x1b[Kreading photos\r\x1b[Kreading photos 1,200/3,872\r\x1b[K");
}

TEST(CountLine, HasSpeedAndTimeAsFarAsTheyFit) {
  EXPECT_EQ(count_line("evaluating", 2'000, 10'000, 1430.4, 80), "evaluating 2,000/10,000  1,430 images/s  0:06 left");
  EXPECT_EQ(count_line("evaluating", 2'000, 10'000, 1430.4, 48), "evaluating 2,000/10,000  0:06 left");
  EXPECT_EQ(count_line("evaluating", 2'000, 10'000, 1430.4, 33), "evaluating 2,000/10,000");
  EXPECT_EQ(count_line("evaluating", 0, 10'000, 0, 80), "evaluating 0/10,000");
  EXPECT_EQ(count_line("evaluating", 10, 10, 0, 80), "evaluating 10/10");
}

TEST(CountSpeed, IsUnknownUntilSomethingIsCounted) {
  CountSpeed speed;
  EXPECT_EQ(speed.after(0), 0);
  EXPECT_EQ(speed.after(0), 0);
  EXPECT_GT(speed.after(1), 0);
  EXPECT_EQ(speed.after(0), 0) << "another count";
}

TEST(EpochLog, SaysLossesAccuracyAndTimesInALine) {
  EpochReport report{.train = {.epoch = 1, .epochs = 14, .seconds = 66.3, .loss = 0.20671},
                     .test_seconds = 6.1,
                     .test = {.loss = 0.04921, .correct = 9831, .total = 10000}};
  EXPECT_EQ(epoch_line(report, 1), "Epoch 1/14: loss 0.2067, test loss 0.0492, accuracy 98.31 %, 72.4 s, 15:41 left");
  EXPECT_LE(epoch_line(report, 1).size(), 80u);
  report.train.epoch = 14;
  report.train.seconds = 140;
  EXPECT_EQ(epoch_line(report, 0), "Epoch 13/13: loss 0.2067, test loss 0.0492, accuracy 98.31 %, 146 s");
}

TEST(ProgressLine, DurationsAreShort) {
  EXPECT_EQ(short_duration(0.4), "0:00");
  EXPECT_EQ(short_duration(61), "1:01");
  EXPECT_EQ(short_duration(3729), "1:02:09");
}

TEST(ProgressLine, LeavesTheLineEmpty) {
  const std::string written = drawn([](StatusLine& status) { ProgressLine(status).batch_done({1, 2, 1, 10, 64}); });
  EXPECT_THAT(written, HasSubstr("epoch 1/2"));
  EXPECT_TRUE(written.ends_with("\r\x1b[K"));
}

}  // namespace
}  // namespace mnist
