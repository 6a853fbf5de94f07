// Pictures are PNG files with what they should show in its place and its colour, and replace their file as a whole.
#include "mnist/report/pictures.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "picture.hpp"
#include "support/hashed.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using test::Box;
using test::expect_text;
using test::kBlueInk;
using test::kGreenInk;
using test::kRedInk;
using test::kTestInk;
using test::kTrainInk;
using test::kWhiteInk;
using test::Picture;
using test::Rgb;

// ---- grids of images

constexpr std::int64_t kTile = 240;
Box tile(std::int64_t column, std::int64_t row) {
  const std::int64_t left = 16 + column * 256;
  const std::int64_t top = 16 + row * 302;
  return {left, top, left + kTile, top + kTile};
}
Box caption_of(const Box& tile) {
  return {tile.left, tile.bottom + 2, tile.right, tile.bottom + 46};
}

// Four quarters of colours of their own, in reading order.
torch::Tensor quarters(const std::array<Rgb, 4>& colors) {
  torch::Tensor pixels = at::zeros({3, 40, 40}, at::kByte);
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t channel = 0; channel < 3; ++channel) {
      pixels[channel]
          .slice(0, i / 2 * 20, i / 2 * 20 + 20)
          .slice(1, i % 2 * 20, i % 2 * 20 + 20)
          .fill_(colors[static_cast<std::size_t>(i)][static_cast<std::size_t>(channel)]);
    }
  }
  return pixels;
}

TEST(Pictures, AGridHasEachImageInItsTileAsItIs) {
  const test::TemporaryFolder folder;
  std::vector<CaptionedImage> images;
  std::vector<std::array<Rgb, 4>> colors;
  for (int i = 0; i < 5; ++i) {
    colors.push_back({Rgb{200, 10 * i, 0}, {0, 200, 10 * i}, {10 * i, 0, 200}, {50, 60, 10 * i}});
    images.push_back({quarters(colors.back()), "a\nb\nc"});
  }
  draw_image_grid(folder / "grid.png", images, 2);
  const Picture grid(folder / "grid.png");
  EXPECT_EQ(grid.width(), 16 + 2 * 256);
  EXPECT_EQ(grid.height(), 16 + 3 * 302);
  for (std::int64_t i = 0; i < 5; ++i) {
    const Box place = tile(i % 2, i / 2);
    for (std::int64_t quarter = 0; quarter < 4; ++quarter) {
      EXPECT_EQ(
          grid.at(place.left + kTile / 4 + quarter % 2 * kTile / 2, place.top + kTile / 4 + quarter / 2 * kTile / 2),
          colors[static_cast<std::size_t>(i)][static_cast<std::size_t>(quarter)])
          << "image " << i << ", quarter " << quarter;
    }
  }
  EXPECT_EQ(grid.at(tile(1, 2).left + 100, tile(1, 2).top + 100), kWhiteInk) << "a sixth image";
}

TEST(Pictures, AWideImageIsNotDistorted) {
  const test::TemporaryFolder folder;
  draw_image_grid(folder / "grid.png", {{at::full({1, 30, 60}, 77, at::kByte), "wide"}}, 1);
  const Picture grid(folder / "grid.png");
  const Box grey = grid.box_of({77, 77, 77}, tile(0, 0));
  EXPECT_NEAR(static_cast<double>(grey.width()), kTile, 2);
  EXPECT_NEAR(static_cast<double>(grey.height()), kTile / 2.0, 2);
  EXPECT_NEAR(grey.middle(), static_cast<double>(tile(0, 0).top) + kTile / 2.0, 2);
}

TEST(Pictures, CaptionsHaveTheColourOfTheirMark) {
  using Mark = CaptionedImage::Mark;
  const test::TemporaryFolder folder;
  const torch::Tensor pixels = at::full({3, 40, 40}, 255, at::kByte);
  draw_image_grid(folder / "grid.png",
                  {{pixels, "neither", Mark::none}, {pixels, "right", Mark::right}, {pixels, "wrong", Mark::wrong}}, 3);
  const Picture grid(folder / "grid.png");
  expect_text(grid, caption_of(tile(0, 0)), {0, 0, 0}, "none");
  expect_text(grid, caption_of(tile(1, 0)), kGreenInk, "right");
  expect_text(grid, caption_of(tile(2, 0)), kRedInk, "wrong");
  draw_image(folder / "one.png", {pixels, "wrong", Mark::wrong});
  const Picture one(folder / "one.png");
  expect_text(one, {0, 16 + 240 + 2, one.width(), one.height()}, kRedInk, "of one image");
}

TEST(Pictures, CaptionsStandBelowTheirImage) {
  const test::TemporaryFolder folder;
  const torch::Tensor pixels = at::full({3, 40, 40}, 255, at::kByte);
  draw_image_grid(folder / "grid.png", {{pixels, "i"}, {pixels, "wwwwwwwww"}, {pixels, "www\nwww"}}, 2);
  const Picture grid(folder / "grid.png");
  EXPECT_GT(grid.ink_amount(caption_of(tile(1, 0))), 3 * grid.ink_amount(caption_of(tile(0, 0))));
  const Box two_lines = caption_of(tile(0, 1));
  const std::int64_t middle = two_lines.top + 21;
  EXPECT_GT(grid.ink_amount({two_lines.left, two_lines.top, two_lines.right, middle}), 1000);
  EXPECT_GT(grid.ink_amount({two_lines.left, middle, two_lines.right, two_lines.bottom}), 1000);
}

TEST(Pictures, NamesOfAnyBytesAreDrawn) {
  const test::TemporaryFolder folder;
  draw_image(folder / "one.png", {test::hashed_pixels({3, 300, 200}, 1), "\xff\xfe caf\xc3\xa9 \x1b[31m"});
  const Picture one(folder / "one.png");
  EXPECT_EQ(one.width(), 240 + 32) << "the caption has as much room as the smallest picture";
  EXPECT_NEAR(static_cast<double>(one.height()), 300 + 32 + 30, 10) << "not in its own shape";
  expect_text(one, {0, 16 + 300 + 2, one.width(), one.height()}, {0, 0, 0}, "caption");
}

// ---- confusion matrices

TEST(Pictures, AConfusionMatrixHasTheTrueClassesInItsRows) {
  const test::TemporaryFolder folder;
  const std::array<std::array<double, 3>, 3> shares = {{{1, 0, 0}, {0.25, 0, 0.75}, {0, 0, 1}}};
  draw_confusion(folder / "confusion.png", at::tensor({9, 0, 0, 2, 0, 6, 0, 0, 9}, at::kLong).view({3, 3}),
                 {"i", "wwwwwwww", "i"}, "a title");
  const Picture picture(folder / "confusion.png");
  const Box matrix = picture.box_of(kBlueInk, picture.all());  // from the first cell to the last
  ASSERT_NEAR(static_cast<double>(matrix.width()), static_cast<double>(matrix.height()), 3);
  const std::int64_t side = matrix.width() / 3;
  ASSERT_GT(side, 50);
  const auto cell = [&](std::int64_t row, std::int64_t column) {
    const std::int64_t left = matrix.left + column * side + 3;  // without its edge
    const std::int64_t top = matrix.top + row * side + 3;
    return Box{left, top, left + side - 6, top + side - 6};
  };
  for (std::int64_t row = 0; row < 3; ++row) {
    for (std::int64_t column = 0; column < 3; ++column) {
      SCOPED_TRACE(testing::Message() << "true class " << row << ", predicted " << column);
      const double share = shares[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)];
      const Rgb color = picture.at(cell(row, column).left + 2, cell(row, column).top + 2);
      for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(color[i], 255 - (255 - kBlueInk[i]) * share, 2);
      EXPECT_EQ(picture.is_plain(cell(row, column)), share == 0) << "a number, but no 0";
    }
  }
  EXPECT_NE(picture.box_of(kWhiteInk, cell(0, 0)).width(), 0) << "no white number on blue";
  EXPECT_EQ(picture.box_of(kWhiteInk, cell(1, 0)).width(), 0) << "no black number on pale";
  // The long name belongs to the second row and the second column.
  const auto left_of = [&](std::int64_t row) { return Box{0, cell(row, 0).top, matrix.left - 2, cell(row, 0).bottom}; };
  const auto below = [&](std::int64_t column) {
    return Box{cell(0, column).left, matrix.bottom + 2, cell(0, column).right, picture.height()};
  };
  for (const std::int64_t other : {0, 2}) {
    EXPECT_GT(picture.ink_amount(left_of(1)), 3 * picture.ink_amount(left_of(other)));
    EXPECT_GT(picture.ink_amount(below(1)), 3 * picture.ink_amount(below(other)));
    EXPECT_GT(picture.ink_amount(left_of(other)), 100);
    EXPECT_GT(picture.ink_amount(below(other)), 100);
  }
}

TEST(Pictures, AConfusionMatrixOfAnySizeIsDrawn) {
  const test::TemporaryFolder folder;
  for (const std::int64_t classes : {2, 10, 100}) {
    std::vector<std::string> names;
    names.reserve(static_cast<std::size_t>(classes));
    for (std::int64_t i = 0; i < classes; ++i) names.push_back("class " + std::to_string(i));
    draw_confusion(folder / "confusion.png", at::eye(classes).mul(7).to(at::kLong), names, std::string(200, 'w'));
    const Picture picture(folder / "confusion.png");
    const Box diagonal = picture.box_of(kBlueInk, picture.all());
    EXPECT_GT(diagonal.width(), 150) << classes;
    EXPECT_NEAR(static_cast<double>(diagonal.width()), static_cast<double>(diagonal.height()), 3) << classes;
    EXPECT_EQ(picture.at(diagonal.right - 4, diagonal.top + 2), kWhiteInk) << classes << ": the corner beside it";
  }
}

TEST(Pictures, NamesThatDifferAtTheirEndsAreDrawnDifferently) {
  const test::TemporaryFolder folder;
  const std::string same(60, 'x');
  draw_confusion(folder / "confusion.png", at::eye(2).to(at::kLong), {same + "i", same + "ww"}, "i");
  const Picture picture(folder / "confusion.png");
  const Box matrix = picture.box_of(kBlueInk, picture.all());
  const std::int64_t middle = matrix.top + matrix.height() / 2;
  const auto ink = [&](std::int64_t top, std::int64_t bottom) {
    return picture.ink_amount({0, top, matrix.left - 2, bottom});
  };
  EXPECT_NE(ink(matrix.top, middle), ink(middle, matrix.bottom));
}

TEST(Pictures, AConfusionMatrixHasItsTitle) {
  const test::TemporaryFolder folder;
  const auto ink_of_title = [&](const std::string& title) {
    draw_confusion(folder / "confusion.png", at::eye(2).to(at::kLong), {"a", "b"}, title);
    const Picture picture(folder / "confusion.png");
    return picture.ink_amount({0, 0, picture.width(), 34});
  };
  EXPECT_EQ(ink_of_title(""), 0);
  EXPECT_GT(ink_of_title("wwww"), 1000);
}

TEST(Pictures, AFolderThatIsNotThereIsAnError) {
  EXPECT_THROW(draw_curves("/proc/none/x.png", {}), Error);
}

// ---- rates over sizes

constexpr Box kScalingPlot = {80, 46, 696, 462};  // within its frame

TEST(Pictures, BothAxesOfTheScalingAreLogarithmic) {
  const test::TemporaryFolder folder;
  draw_scaling(folder / "scaling.png", {{"cpu", {{100, 2e9}, {1000, 2e10}, {10'000, 2e11}}}});
  const Picture picture(folder / "scaling.png");
  const Box curve = picture.box_of(kTrainInk, kScalingPlot);
  EXPECT_GT(curve.width(), 300);
  EXPECT_GT(curve.height(), 150);
  // From the lower left to the upper right, with its middle in the middle.
  EXPECT_EQ(picture.at(curve.left + 3, curve.bottom - 4), kTrainInk);
  EXPECT_EQ(picture.at((curve.left + curve.right) / 2, (curve.top + curve.bottom) / 2), kTrainInk);
  EXPECT_EQ(picture.at(curve.right - 4, curve.top + 3), kTrainInk);
  EXPECT_NE(picture.at(curve.left + 3, curve.top + 3), kTrainInk);
}

TEST(Pictures, HigherRatesStandHigherAndEachCurveIsNamed) {
  const test::TemporaryFolder folder;
  draw_scaling(folder / "scaling.png",
               {{"i", {{1024, 1e11}, {2048, 1e11}}}, {"wwwwwwwwww", {{1024, 3e13}, {2048, 3e13}}}});
  const Picture picture(folder / "scaling.png");
  const Box low = picture.box_of(kTrainInk, kScalingPlot);
  const Box high = picture.box_of(kTestInk, kScalingPlot);
  EXPECT_GT(low.middle(), high.middle() + 100);
  EXPECT_EQ(low.left, high.left) << "of the same sizes";
  // Below the plot, the colours side by side with the names behind them.
  const Box below = {0, kScalingPlot.bottom + 40, picture.width(), picture.height()};
  const Box first = picture.box_of(kTrainInk, below);
  const Box second = picture.box_of(kTestInk, below);
  ASSERT_GT(first.width(), 20);
  ASSERT_GT(second.left, first.right + 100);
  const double short_name = picture.ink_amount({first.right + 4, below.top, second.left - 4, below.bottom});
  EXPECT_GT(short_name, 100);
  EXPECT_GT(picture.ink_amount({second.right + 4, below.top, below.right, below.bottom}), 5 * short_name);
}

TEST(Pictures, ASinglePointIsAPicture) {
  const test::TemporaryFolder folder;
  draw_scaling(folder / "scaling.png", {{"cpu", {{1, 1e9}}}});
  const Picture picture(folder / "scaling.png");
  EXPECT_GE(picture.box_of(kTrainInk, kScalingPlot).width(), 5);
}

}  // namespace
}  // namespace mnist
