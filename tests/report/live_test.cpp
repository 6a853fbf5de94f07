// The figures of a run as text: curves in braille and ASCII, the table of epochs, sizes of terminals.
#include "mnist/report/live.hpp"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/text.hpp"
#include "mnist/report/braille.hpp"

namespace mnist {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TextPlot rising() {
  return {.title = "accuracy", .curve = {{0, 0}, {1, 1}}, .lowest_text = "0", .highest_text = "1", .last_text = "9"};
}

bool is_ascii(const std::vector<std::string>& lines) {
  return std::ranges::all_of(lines, [](const std::string& line) {
    return std::ranges::all_of(line, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  });
}

// After three epochs of 100 steps each.
LiveFigures after_three_epochs() {
  LiveCollector collector;
  for (std::int64_t epoch = 1; epoch <= 3; ++epoch) {
    EpochReport report;
    report.train = {.epoch = epoch, .epochs = 14, .lr = 1, .seconds = 12, .loss = 0.5 / static_cast<double>(epoch)};
    for (int i = 0; i < 100; ++i) {
      const double step = static_cast<double>(100 * epoch + i);
      report.train.batch_losses.push_back(0);
      collector.interval({.epoch = epoch, .step = 100 * (epoch - 1) + i, .loss = 1 / step, .accuracy = 1 - 10 / step});
    }
    report.train.correct = 975;
    report.train.total = 1000;
    report.test_seconds = 3;
    report.test = {.loss = 0.04921, .correct = 9831, .total = 10000};
    collector.training_done(report.train);
    collector.epoch_done(report);
  }
  return collector.figures();
}

TEST(TextPlot, JoinsItsPointsInBrailleAndInAscii) {
  EXPECT_THAT(plot_lines(rising(), 11, 4, true), ElementsAre("   accuracy", "1 \u2502    \u28C0\u2824\u2812\u2809",
                                                             "0 \u2502\u28C0\u2824\u2812\u2809    ", "   0      9"))
      << "a line from the lower left to the upper right corner";
  const std::vector<std::string> ascii = plot_lines(rising(), 11, 4, false);
  EXPECT_TRUE(is_ascii(ascii));
  EXPECT_EQ(ascii[1].back(), '\'');
  EXPECT_EQ(ascii[2][3], '.');
}

TEST(TextPlot, MarksLieAboveTheCurve) {
  TextPlot plot = rising();
  plot.marks = {{1, 1}};
  EXPECT_TRUE(plot_lines(plot, 11, 4, true)[1].ends_with("o"));
}

TEST(TextPlot, OnePointNoPointsAndPointsThatAreNotFinite) {
  TextPlot plot{.title = "loss", .curve = {{0.5, 0.5}}};
  EXPECT_THAT(plot_lines(plot, 20, 3, false)[1], HasSubstr("-"));
  plot.curve = {{0.1, std::nan("")}, {0.5, INFINITY}, {std::nan(""), 1}};
  plot.marks = {{1, std::nan("")}};
  EXPECT_THAT(plot_lines(plot, 20, 3, false)[1], Not(HasSubstr("-")));
  EXPECT_THAT(plot_lines({}, 20, 3, true), SizeIs(3));
}

TEST(TextPlot, HasItsSizeWithLongTextsAndIsEmptyWithoutRoom) {
  TextPlot plot = rising();
  plot.title = std::string(300, 't');
  plot.last_text = std::string(300, 'x');
  for (const bool utf8 : {false, true}) {
    for (const int columns : {7, 20, 117}) {
      for (const std::string& line : plot_lines(plot, columns, 5, utf8)) {
        EXPECT_LE(columns_of(line), static_cast<std::size_t>(columns));
      }
    }
  }
  EXPECT_THAT(plot_lines(plot, 6, 5, true), IsEmpty());
  EXPECT_THAT(plot_lines(plot, 40, 2, true), IsEmpty());
}

TEST(StepSeries, KeepsItsMeanAndAFewThousandPoints) {
  StepSeries series;
  for (int i = 1; i <= 100'000; ++i) series.add(i, i % 2);
  EXPECT_LE(series.points().size(), 4097u);
  EXPECT_GE(series.points().size(), 2000u);
  EXPECT_EQ(series.points().back().x, 100'000);
  for (const TextPoint& point : series.points()) EXPECT_NEAR(point.y, 0.5, 0.51);
  series.add(100'001, std::nan(""));
  EXPECT_EQ(series.points().back().x, 100'000);
}

TEST(Live, FitsTheTerminal) {
  const LiveFigures figures = after_three_epochs();
  for (const int columns : {60, 80, 120, 400}) {
    for (const int rows : {16, 24, 40, 100}) {
      for (const bool utf8 : {false, true}) {
        const std::vector<std::string> lines = live_lines(figures, "epoch 4/14", columns, rows, utf8);
        ASSERT_FALSE(lines.empty());
        EXPECT_LE(static_cast<int>(lines.size()), rows * 3 / 5) << columns << " x " << rows;
        for (const std::string& line : lines) EXPECT_LE(static_cast<int>(columns_of(line)), columns - 3) << line;
        EXPECT_EQ(is_ascii(lines), !utf8);
        EXPECT_EQ(lines.back(), "epoch 4/14");
      }
    }
  }
  EXPECT_THAT(live_lines(figures, "", 40, 24, true), IsEmpty());
  EXPECT_THAT(live_lines(figures, "", 59, 40, true), IsEmpty());
  EXPECT_THAT(live_lines(figures, "", 80, 15, true), IsEmpty());
}

TEST(Live, HasARowForEachOfTheLastEpochs) {
  const std::vector<std::string> lines = live_lines(after_three_epochs(), "", 80, 40, false);
  EXPECT_THAT(lines,
              ::testing::IsSupersetOf({"epoch  train loss  train acc  test loss  test acc     time         lr",
                                       "    2      0.2500    97.50 %     0.0492   98.31 %     0:15          1"}));
  const std::vector<std::string> from_0 = live_lines(after_three_epochs(), "", 60, 16, false, 0);
  EXPECT_EQ(from_0[from_0.size() - 2], "    2      0.1667    97.50 %     0.0492   98.31 %");
}

TEST(Live, StartsEmptyAndBearsLossesThatAreNotFinite) {
  EXPECT_THAT(live_lines({}, "epoch 1/14", 80, 24, true), Not(IsEmpty()));
  LiveCollector collector;
  collector.interval({.epoch = 1, .step = 0, .loss = std::nan("")});
  EXPECT_THAT(live_lines(collector.figures(), "", 80, 24, true), Each(Not(HasSubstr("nan"))));
}

TEST(Live, ContinuesFromACheckpoint) {
  LiveCollector collector;
  RunRecord run;
  for (std::int64_t step = 0; step < 4; ++step) {
    run.steps.push_back({.epoch = step / 2 + 1, .step = step, .loss = 4.0 - static_cast<double>(step)});
  }
  run.epochs = {{.epoch = 1, .test_loss = 2.5}, {.epoch = 2, .test_loss = 0.5}};
  collector.restore(run);
  TrainingState state;
  state.epoch = 3;
  state.step = 1;
  state.all_steps = 5;
  collector.resumed(state);
  const LiveFigures& figures = collector.figures();
  EXPECT_EQ(figures.steps, 5);
  EXPECT_THAT(figures.losses.points(), SizeIs(4));
  EXPECT_THAT(figures.accuracies.points(), SizeIs(2));
  ASSERT_THAT(figures.test_losses, SizeIs(2));
  EXPECT_EQ(figures.test_losses[0].x, 2);
  EXPECT_THAT(figures.epochs, SizeIs(2));
}

}  // namespace
}  // namespace mnist
