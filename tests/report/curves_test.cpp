// Curves, figures of classes and letters in pictures.
#include <array>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/report/pictures.hpp"

#include "picture.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::Box;
using test::kTestInk;
using test::kTrainInk;
using test::Picture;
using test::Rgb;

// ---- curves

constexpr Box kLossPlot = {72, 88, 530, 300};  // without its legend
constexpr Box kAccuracyPlot = {616, 88, 1074, 300};

RunRecord run_of(const std::vector<float>& losses, const std::vector<std::array<double, 4>>& epochs) {
  RunRecord run;
  run.manifest.arch = "cnn";
  run.manifest.dataset = "mnist";
  const std::size_t batches = losses.size() / std::max<std::size_t>(1, epochs.size());
  for (std::size_t i = 0; i < losses.size(); ++i) {
    run.steps.push_back({static_cast<std::int64_t>(i / std::max<std::size_t>(1, batches)) + 1,
                         static_cast<std::int64_t>(i), 0.1, losses[i]});
  }
  for (const auto& [train_loss, train_accuracy, test_loss, test_accuracy] : epochs) {
    run.epochs.push_back({.epoch = static_cast<std::int64_t>(run.epochs.size()) + 1,
                          .lr = 0.1,
                          .train_loss = train_loss,
                          .train_accuracy = train_accuracy,
                          .test_loss = test_loss,
                          .test_accuracy = test_accuracy});
  }
  return run;
}

// The middles of the marks of a colour in a plot, from left to right. The lines between them are thinner.
std::vector<double> marks(const Picture& picture, const Rgb& ink, const Box& plot, std::size_t epochs) {
  std::vector<double> heights;
  const double wide = static_cast<double>(plot.width()) / static_cast<double>(epochs);
  for (std::size_t i = 1; i <= epochs; ++i) {
    const auto x = static_cast<std::int64_t>(static_cast<double>(plot.left) + wide * static_cast<double>(i));
    // The column in the middle of the mark has nothing but the mark.
    heights.push_back(picture.box_of(ink, {x - 1, plot.top, x, plot.bottom}).middle());
  }
  return heights;
}

void expect_in_scale(const std::vector<double>& y, const std::array<double, 3>& values) {
  const double pixels_a_unit = (y[0] - y[1]) / (values[1] - values[0]);
  EXPECT_GT(pixels_a_unit, 0) << "upside down, or the epochs backwards";
  EXPECT_NEAR(y[2], y[0] + (values[0] - values[2]) * pixels_a_unit, 2);
}

TEST(Curves, ShowWhatTheyWereGiven) {
  const test::TemporaryFolder folder;
  const RunRecord run =
      run_of({1, 2, 1, 2, 1, 2}, {{{1.5, 0.5, 0.4, 0.55}, {2.2, 0.9, 2.6, 0.95}, {1, 0.7, 1.2, 0.8}}});
  draw_curves(folder / "curves.png", run);
  draw_curves(folder / "curves.svg", run);
  const Picture picture(folder / "curves.png");
  expect_in_scale(marks(picture, kTrainInk, kLossPlot, 3), {1.5, 2.2, 1});
  expect_in_scale(marks(picture, kTestInk, kLossPlot, 3), {0.4, 2.6, 1.2});
  expect_in_scale(marks(picture, kTrainInk, kAccuracyPlot, 3), {0.5, 0.9, 0.7});
  expect_in_scale(marks(picture, kTestInk, kAccuracyPlot, 3), {0.55, 0.95, 0.8});
  RunRecord without = run;
  without.steps.clear();
  draw_curves(folder / "without.png", without);
  constexpr Box kFirstHalf = {80, 162, 140, 222};  // of the first epoch, between two lines of the grid
  EXPECT_FALSE(picture.is_plain(kFirstHalf)) << "no single batches";
  EXPECT_TRUE(Picture(folder / "without.png").is_plain(kFirstHalf));
  const std::string svg = test::content_of(folder / "curves.svg");
  EXPECT_THAT(svg, testing::AllOf(testing::StartsWith("<?xml"), testing::HasSubstr("</svg>")));
}

TEST(Curves, SayThatHighLossesAreCutOff) {
  const test::TemporaryFolder folder;
  const auto ink_of_note = [&](float first) {
    std::vector<float> losses(200, 1.0F);
    losses.front() = first;
    draw_curves(folder / "curves.png", run_of(losses, {{{1, 0.5, 1, 0.5}}}));
    return Picture(folder / "curves.png").ink_amount({300, 42, 544, 60});
  };
  EXPECT_EQ(ink_of_note(1), 0);
  EXPECT_GT(ink_of_note(50), 300);
}

TEST(Curves, NeedNoValuesAndTakeOddOnes) {
  const test::TemporaryFolder folder;
  draw_curves(folder / "none.png", {});
  draw_curves(folder / "zero.png", run_of({0}, {{{0, 1, 0, 1}}}));
  draw_curves(folder / "many.png", run_of(std::vector<float>(20000, 2.5F), {{{1, 0.5, 1, 0.5}}}));
  EXPECT_EQ(Picture(folder / "none.png").width(), 568);
  for (const char* const name : {"zero.png", "many.png"}) EXPECT_EQ(Picture(folder / name).width(), 1656) << name;
}

TEST(Curves, AComparisonHasAColourForEachRun) {
  const test::TemporaryFolder folder;
  const RunRecord one = run_of({}, {{{1, 0.5, 1, 0.5}, {0.5, 0.6, 0.5, 0.6}}});
  const RunRecord other = run_of({}, {{{2, 0.3, 2, 0.3}, {1.5, 0.4, 1.5, 0.4}}});
  draw_comparison(folder / "both.png", {{"one", &one}, {"other", &other}});
  const Picture picture(folder / "both.png");
  const Box higher = picture.box_of(kTestInk, kLossPlot);
  const Box lower = picture.box_of(kTrainInk, kLossPlot);
  EXPECT_LT(higher.bottom, lower.top) << "the larger losses are not above the smaller ones";
  EXPECT_GT(picture.box_of(kTrainInk, {0, 340, 560, picture.height()}).width(), 10) << "no legend";
}

// ---- figures of classes

TEST(ClassBars, AreAsLongAsTheirShares) {
  const test::TemporaryFolder folder;
  // Recall 1 and 0.5, precision 2 / 3 and 1.
  draw_class_bars(folder / "bars.png", at::tensor({4, 0, 2, 2}, at::kLong).view({2, 2}), {"a", "b"}, "title");
  const Picture picture(folder / "bars.png");
  const std::int64_t middle = picture.height() - 30 - 30;  // the second row has 30 pixels
  const Box first = {0, 66, picture.width(), middle};
  const Box second = {0, middle, picture.width(), picture.height()};
  EXPECT_NEAR(static_cast<double>(picture.box_of(kTrainInk, first).width()), 360, 1);
  EXPECT_NEAR(static_cast<double>(picture.box_of(kTestInk, first).width()), 240, 1);
  EXPECT_NEAR(static_cast<double>(picture.box_of(kTrainInk, second).width()), 180, 1);
  EXPECT_NEAR(static_cast<double>(picture.box_of(kTestInk, second).width()), 360, 1);
}

// ---- fonts

TEST(Fonts, LettersWithoutAFontAreNamed) {
  if (!letters_without_font({"a"}).empty()) GTEST_SKIP() << "no font is installed";
  EXPECT_EQ(letters_without_font({"ants", "", "b\xc3\xa4r"}), "");
  // A code point that no font has: reserved for private use.
  EXPECT_EQ(letters_without_font({"a\xf3\xb0\x80\x80z", "\xf3\xb0\x80\x80"}), "\xf3\xb0\x80\x80");
}

}  // namespace
}  // namespace mnist
