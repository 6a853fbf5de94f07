// Pictures are PNG files with what they should show in its place and its colour, and replace their file as a whole.
#include "mnist/report/pictures.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"
#include "mnist/format/image.hpp"

#include "support/hashed.hpp"
#include "support/temporary_folder.hpp"

namespace mnist {
namespace {

using Rgb = std::array<int, 3>;

constexpr Rgb kWhiteInk = {255, 255, 255};
constexpr Rgb kGreenInk = {15, 117, 56};
constexpr Rgb kRedInk = {191, 31, 31};
constexpr Rgb kBlueInk = {31, 97, 179};
constexpr Rgb kPaleInk = {179, 204, 235};

struct Box {
  std::int64_t left = 0, top = 0, right = 0, bottom = 0;  // the last two not included

  std::int64_t width() const { return right - left; }
  std::int64_t height() const { return bottom - top; }
  double middle() const { return static_cast<double>(top + bottom - 1) / 2; }
};

// A picture that was drawn, read again.
class Picture {
 public:
  explicit Picture(const std::filesystem::path& path) : pixels_(read_image(path).to(at::kInt)) {}

  std::int64_t width() const { return pixels_.size(1); }
  std::int64_t height() const { return pixels_.size(0); }
  Box all() const { return {0, 0, width(), height()}; }

  Rgb at(std::int64_t x, std::int64_t y) const {
    const torch::Tensor pixel = pixels_[y][x];
    return {pixel[0].item<int>(), pixel[1].item<int>(), pixel[2].item<int>()};
  }

  // The smallest box round all pixels of a colour (a rounding either way) in `box`; empty where there is none.
  Box box_of(const Rgb& color, const Box& box) const {
    const torch::Tensor wanted = at::tensor({color[0], color[1], color[2]}, at::kInt);
    const torch::Tensor found = (part(box) - wanted).abs().le(1).all(2).nonzero();
    if (found.size(0) == 0) return {};
    const torch::Tensor least = std::get<0>(found.min(0));
    const torch::Tensor most = std::get<0>(found.max(0));
    return {box.left + least[1].item<std::int64_t>(), box.top + least[0].item<std::int64_t>(),
            box.left + most[1].item<std::int64_t>() + 1, box.top + most[0].item<std::int64_t>() + 1};
  }

  // What text in `box` takes away from the white of the paper, by colour.
  torch::Tensor ink(const Box& box) const { return (255 - part(box)).flatten(0, 1).sum(0).to(at::kDouble); }
  double ink_amount(const Box& box) const { return ink(box).sum().item<double>(); }

  bool is_plain(const Box& box) const { return part(box).eq(part(box)[0][0]).all().item<bool>(); }

 private:
  torch::Tensor part(const Box& box) const {
    return pixels_.slice(0, box.top, box.bottom).slice(1, box.left, box.right);
  }

  torch::Tensor pixels_;  // int [height, width, 3]
};

// Text in a colour on white is a blend of the two, pixel by pixel.
void expect_text(const Picture& picture, const Box& box, const Rgb& color, const std::string& what) {
  const torch::Tensor ink = picture.ink(box);
  const torch::Tensor expected = at::tensor({255.0 - color[0], 255.0 - color[1], 255.0 - color[2]});
  EXPECT_GT(ink.sum().item<double>(), 1000) << what << ": nothing is written";
  EXPECT_LT((ink / ink.norm() - expected / expected.norm()).norm().item<double>(), 0.05) << what;
}

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
  expect_text(one, {0, one.height() - 62, one.width(), one.height()}, kRedInk, "of one image");
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
  EXPECT_EQ(one.width(), 300 + 32);
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

// ---- curves

// The middles of the red dots of a plot, from left to right: of its tests.
std::vector<double> dots(const Picture& picture, const Box& plot) {
  std::vector<double> heights;
  Box rest = plot;
  while (true) {
    const Box reds = picture.box_of(kRedInk, rest);
    if (reds.width() == 0) return heights;
    const Box first = picture.box_of(kRedInk, {reds.left, plot.top, reds.left + 8, plot.bottom});
    heights.push_back(first.middle());
    rest.left = reds.left + 8;
  }
}

// Loss on the left, accuracy on the right; both have dots at three values, whose places make the scale.
void expect_curves(const Picture& picture, const Box& plot, const std::array<double, 3>& tests, double lowest_batch,
                   double highest_batch) {
  const std::vector<double> y = dots(picture, plot);
  ASSERT_EQ(y.size(), 3U);
  const double pixels_a_unit = (y[0] - y[1]) / (tests[1] - tests[0]);
  EXPECT_GT(pixels_a_unit, 0) << "upside down, or the epochs backwards";
  const auto place = [&](double value) { return y[0] + (tests[0] - value) * pixels_a_unit; };
  EXPECT_NEAR(y[2], place(tests[2]), 2);
  const Box batches = picture.box_of(kPaleInk, plot);
  EXPECT_NEAR(static_cast<double>(batches.top), place(highest_batch), 4);
  EXPECT_NEAR(static_cast<double>(batches.bottom), place(lowest_batch), 4);
  const Box means = picture.box_of(kBlueInk, {plot.left + 100, plot.top, plot.right, plot.bottom});
  EXPECT_NEAR(means.middle(), place((lowest_batch + highest_batch) / 2), 3);
  EXPECT_LT(means.height(), 6) << "the running mean is not that of the batches";
}

TEST(Pictures, CurvesShowWhatTheyWereGiven) {
  const test::TemporaryFolder folder;
  Curves curves;
  for (int batch = 0; batch < 100; ++batch) {
    curves.losses.push_back(batch % 2 == 0 ? 1.0F : 2.0F);
    curves.accuracies.push_back(batch % 2 == 0 ? 0.5F : 0.7F);
  }
  curves.test_losses = {0.4F, 2.6F, 1.2F};
  curves.test_accuracies = {0.55F, 0.95F, 0.8F};
  draw_curves(folder / "curves.png", curves);
  const Picture picture(folder / "curves.png");
  const std::int64_t middle = picture.width() / 2;
  {
    SCOPED_TRACE("loss");
    expect_curves(picture, {0, 0, middle, picture.height()}, {0.4, 2.6, 1.2}, 1, 2);
  }
  {
    SCOPED_TRACE("accuracy");
    expect_curves(picture, {middle, 0, picture.width(), picture.height()}, {0.55, 0.95, 0.8}, 0.5, 0.7);
  }
}

TEST(Pictures, CurvesShowAHighFirstLossOrSayThatItIsAbove) {
  const test::TemporaryFolder folder;
  const auto drawn = [&](float first) {
    Curves curves{std::vector<float>(200, 1.0F), std::vector<float>(200, 0.5F), {1}, {0.5F}};
    curves.losses.front() = first;
    draw_curves(folder / "curves.png", curves);
    return Picture(folder / "curves.png");
  };
  // Where the dot of the test stands, a loss of 1, and the ink of the title.
  const auto place_of_1 = [](const Picture& picture) { return dots(picture, {0, 0, 604, picture.height()}).at(0); };
  const auto title = [](const Picture& picture) { return picture.ink_amount({0, 0, 604, 36}); };
  const Picture even = drawn(1);
  const Picture high = drawn(3);
  EXPECT_GT(place_of_1(high), place_of_1(even) + 150) << "the axis does not reach 3";
  EXPECT_EQ(title(high), title(even));
  const Picture above = drawn(50);
  EXPECT_EQ(place_of_1(above), place_of_1(even)) << "the other losses are flattened";
  EXPECT_GT(title(above), 3 * title(even)) << "nothing tells that the loss is cut off";
}

TEST(Pictures, CurvesNeedNoValuesAndTakeOddOnes) {
  const test::TemporaryFolder folder;
  draw_curves(folder / "none.png", {});
  draw_curves(folder / "one.png", {{0}, {1}, {0}, {1}});
  draw_curves(folder / "many.png", {std::vector<float>(20000, 2.5F), std::vector<float>(20000, 0.3F), {1}, {0.5F}});
  const std::map<std::string, std::size_t> tests = {{"none.png", 0}, {"one.png", 1}, {"many.png", 1}};
  for (const auto& [name, count] : tests) {
    const Picture picture(folder / name);
    EXPECT_EQ(picture.width(), 1208) << name;
    EXPECT_EQ(dots(picture, {0, 0, 604, picture.height()}).size(), count) << name;
    EXPECT_EQ(dots(picture, {604, 0, 1208, picture.height()}).size(), count) << name;
  }
}

TEST(Pictures, AFolderThatIsNotThereIsAnError) {
  EXPECT_THROW(draw_curves("/proc/none/x.png", {}), Error);
}

// ---- rates over sizes

constexpr Rgb kFirstInk = {0, 115, 179};
constexpr Rgb kSecondInk = {214, 94, 0};
constexpr Box kScalingPlot = {80, 46, 696, 462};  // within its frame

TEST(Pictures, BothAxesOfTheScalingAreLogarithmic) {
  const test::TemporaryFolder folder;
  draw_scaling(folder / "scaling.png", {{"cpu", {{100, 2e9}, {1000, 2e10}, {10'000, 2e11}}}});
  const Picture picture(folder / "scaling.png");
  const Box curve = picture.box_of(kFirstInk, kScalingPlot);
  EXPECT_GT(curve.width(), 300);
  EXPECT_GT(curve.height(), 150);
  // From the lower left to the upper right, with its middle in the middle.
  EXPECT_EQ(picture.at(curve.left + 3, curve.bottom - 4), kFirstInk);
  EXPECT_EQ(picture.at((curve.left + curve.right) / 2, (curve.top + curve.bottom) / 2), kFirstInk);
  EXPECT_EQ(picture.at(curve.right - 4, curve.top + 3), kFirstInk);
  EXPECT_NE(picture.at(curve.left + 3, curve.top + 3), kFirstInk);
}

TEST(Pictures, HigherRatesStandHigherAndEachCurveIsNamed) {
  const test::TemporaryFolder folder;
  draw_scaling(folder / "scaling.png",
               {{"i", {{1024, 1e11}, {2048, 1e11}}}, {"wwwwwwwwww", {{1024, 3e13}, {2048, 3e13}}}});
  const Picture picture(folder / "scaling.png");
  const Box low = picture.box_of(kFirstInk, kScalingPlot);
  const Box high = picture.box_of(kSecondInk, kScalingPlot);
  EXPECT_GT(low.middle(), high.middle() + 100);
  EXPECT_EQ(low.left, high.left) << "of the same sizes";
  // Below the plot, the colours side by side with the names behind them.
  const Box below = {0, kScalingPlot.bottom + 40, picture.width(), picture.height()};
  const Box first = picture.box_of(kFirstInk, below);
  const Box second = picture.box_of(kSecondInk, below);
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
  EXPECT_GE(picture.box_of(kFirstInk, kScalingPlot).width(), 5);
}

}  // namespace
}  // namespace mnist
