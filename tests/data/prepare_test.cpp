#include "mnist/data/prepare.hpp"

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mnist/core/error.hpp"

#include "drawn_digit.hpp"

namespace mnist {
namespace {

using test::drawn_digit;
using test::enlarged;
using test::kDigit;
using test::kSame;
using test::kSimilar;
using test::mean_difference;
using test::photo_of;
using ::testing::HasSubstr;

// Row and column of the ink's centre of mass.
std::pair<double, double> centre_of_mass(const torch::Tensor& digit) {
  const auto plane = digit.view({28, 28}).to(torch::kFloat32);
  const auto places = torch::arange(28, torch::kFloat32);
  return {((plane.sum(1) * places).sum() / plane.sum()).item<double>(),
          ((plane.sum(0) * places).sum() / plane.sum()).item<double>()};
}

TEST(PrepareDigitTest, LeavesAPictureOfTheRightSizeAlone) {
  const auto digit = drawn_digit();
  EXPECT_TRUE(prepare_image(digit.unsqueeze(2), kDigit, Invert::automatic).equal(digit.unsqueeze(0)));
}

TEST(PrepareDigitTest, InvertsWhereAskedFor) {
  const auto dark = drawn_digit().unsqueeze(2);
  const auto light = 255 - dark;
  const auto expected = drawn_digit().unsqueeze(0);
  EXPECT_TRUE(prepare_image(light, kDigit, Invert::automatic).equal(expected));
  EXPECT_TRUE(prepare_image(light, kDigit, Invert::always).equal(expected));
  EXPECT_TRUE(prepare_image(light, kDigit, Invert::never).equal(255 - expected));
  EXPECT_TRUE(prepare_image(dark, kDigit, Invert::always).equal(255 - expected));
}

TEST(PrepareDigitTest, InvertsPaperInTheShade) {
  const auto shaded = (100 - drawn_digit().to(torch::kInt) / 3).to(torch::kUInt8).unsqueeze(2);
  EXPECT_LT(prepare_image(shaded, kDigit, Invert::automatic)[0][0][0].item<int>(), 200);
  EXPECT_GT(prepare_image(shaded, kDigit, Invert::automatic)[0][5][12].item<int>(), 200);
}

TEST(PrepareDigitTest, GivesBackAnEnlargedDigit) {
  const auto digit = drawn_digit();
  const auto large = enlarged(digit, 280, 280);
  ASSERT_GT(mean_difference(digit.roll(1, 0), digit), 12);
  ASSERT_GT(mean_difference(digit.roll(1, 1), digit), 12);
  EXPECT_LT(mean_difference(prepare_image(large, kDigit, Invert::automatic), digit), kSame);
  EXPECT_LT(mean_difference(prepare_image(255 - large, kDigit, Invert::automatic), digit), kSame);
  EXPECT_LT(mean_difference(prepare_image(enlarged(digit, 2000, 2000), kDigit, Invert::automatic), digit), kSame);
}

TEST(PrepareDigitTest, PlacesADigitFromAnywhere) {
  const auto expected = centre_of_mass(drawn_digit());
  for (const auto& [top, left] : {std::pair{5, 5}, {280, 20}, {150, 190}}) {
    const auto placed = prepare_image(photo_of(drawn_digit(), 100, top, left, 255, 255, 0), kDigit, Invert::automatic);
    EXPECT_LT(mean_difference(placed, drawn_digit()), kSame);
    const auto centre = centre_of_mass(placed);
    EXPECT_NEAR(centre.first, expected.first, 0.7);
    EXPECT_NEAR(centre.second, expected.second, 0.7);
  }
}

TEST(PrepareDigitTest, ReadsPaperInUnevenLight) {
  for (const auto& [bright, dim, noise] : {std::tuple{220.0, 120.0, 6.0}, {200.0, 190.0, 15.0}, {140.0, 70.0, 4.0}}) {
    const auto placed =
        prepare_image(photo_of(drawn_digit(), 220, 90, 40, bright, dim, noise), kDigit, Invert::automatic);
    EXPECT_LT(mean_difference(placed, drawn_digit()), kSimilar) << bright;
  }
}

TEST(PrepareDigitTest, IgnoresSpecksAndTheEdgeOfTheTable) {
  auto photo = photo_of(drawn_digit(), 150, 120, 90, 220, 200, 3);
  photo.slice(0, 20, 24).slice(1, 270, 274).fill_(40);
  photo.slice(0, 380, 384).slice(1, 100, 104).fill_(40);
  photo.slice(1, 0, 15).fill_(60);
  EXPECT_LT(mean_difference(prepare_image(photo, kDigit, Invert::automatic), drawn_digit()), kSimilar);
}

TEST(PrepareDigitTest, LaysTransparencyOverWhite) {
  const auto ink = enlarged(drawn_digit(), 140, 140);
  // The colour of a transparent pixel is not visible.
  const auto blue_on_nothing =
      at::cat({torch::full_like(ink, 10), torch::full_like(ink, 20), torch::full_like(ink, 120), ink}, 2);
  EXPECT_LT(mean_difference(prepare_image(blue_on_nothing, kDigit, Invert::automatic), drawn_digit()), kSame);
  const auto grey_on_nothing = at::cat({torch::zeros_like(ink), ink}, 2);
  EXPECT_LT(mean_difference(prepare_image(grey_on_nothing, kDigit, Invert::automatic), drawn_digit()), kSame);
}

TEST(PrepareDigitTest, TakesPillowsLuma) {
  auto pixels = torch::zeros({28, 28, 3}, torch::kUInt8);
  const std::vector<std::vector<int>> colors{{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {10, 200, 77}, {255, 255, 255}};
  const std::vector<int> expected{76, 150, 29, 129, 255};
  for (std::size_t index = 0; index < colors.size(); ++index) {
    pixels[5][static_cast<std::int64_t>(index)] = torch::tensor(colors[index]).to(torch::kUInt8);
  }
  const auto grey = prepare_image(pixels, kDigit, Invert::never);
  for (std::size_t index = 0; index < colors.size(); ++index) {
    EXPECT_EQ(grey[0][5][static_cast<std::int64_t>(index)].item<int>(), expected[index]);
  }
}

TEST(PrepareDigitTest, GivesZerosForEmptySheets) {
  for (const int level : {0, 100, 255}) {
    for (const auto& [height, width] : {std::pair{1, 1}, {1, 300}, {50, 40}, {900, 700}}) {
      const auto sheet = torch::full({height, width, 1}, level, torch::kUInt8);
      EXPECT_EQ(prepare_image(sheet, kDigit, Invert::automatic).max().item<int>(), 0);
    }
  }
  const auto noisy = photo_of(torch::zeros({28, 28}, torch::kUInt8), 100, 10, 10, 210, 180, 3);
  EXPECT_EQ(prepare_image(noisy, kDigit, Invert::automatic).max().item<int>(), 0);
}

// 400 x 300 pixels of paper in the middle of a dark desk.
torch::Tensor on_a_desk(const torch::Tensor& photo) {
  auto picture = torch::full({520, 440, 1}, 40, torch::kUInt8);
  picture.slice(0, 60, 460).slice(1, 80, 380).copy_(photo);
  return picture;
}

TEST(PrepareDigitTest, ReadsASheetOnADeskAsAPage) {
  const auto sheet = on_a_desk(photo_of(drawn_digit(), 180, 100, 60, 220, 200, 3));
  EXPECT_LT(mean_difference(prepare_image(sheet, kDigit, Invert::automatic), drawn_digit()), kSimilar);
  const auto board = 255 - sheet;
  EXPECT_LT(mean_difference(prepare_image(board, kDigit, Invert::automatic), drawn_digit()), kSimilar);
  const auto found = find_items(sheet, kDigit, Invert::automatic).items;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_NEAR(static_cast<double>(found[0].box.top), 60 + 100 + 180 * 4 / 28.0, 4);
  EXPECT_NEAR(static_cast<double>(found[0].box.left), 80 + 60 + 180 * 9 / 28.0, 4);
  const auto blank = on_a_desk(photo_of(torch::zeros({28, 28}, torch::kUInt8), 180, 100, 60, 220, 200, 3));
  EXPECT_TRUE(find_items(blank, kDigit, Invert::automatic).items.empty());
  EXPECT_TRUE(find_items(255 - blank, kDigit, Invert::automatic).items.empty());
}

// Draws lines two pixels thick that climb by 3 of 100, `spacing` apart.
void rule(const torch::Tensor& photo, std::int64_t spacing, int level) {
  for (std::int64_t column = 0; column < photo.size(1); ++column) {
    for (auto row = spacing / 2 + column * 3 / 100; row + 2 < photo.size(0); row += spacing) {
      photo.slice(1, column, column + 1).slice(0, row, row + 2).clamp_max_(level);
    }
  }
}

TEST(PrepareDigitTest, TakesTheLinesOfThePaperAway) {
  for (const int level : {60, 120}) {
    auto photo = photo_of(drawn_digit(), 200, 90, 40, 220, 190, 3);
    auto blank = photo_of(torch::zeros({28, 28}, torch::kUInt8), 200, 90, 40, 220, 190, 3);
    rule(photo, 50, level);
    rule(blank, 50, level);
    EXPECT_LT(mean_difference(prepare_image(photo, kDigit, Invert::automatic), drawn_digit()), kSimilar) << level;
    EXPECT_TRUE(find_items(blank, kDigit, Invert::automatic).items.empty()) << level;
    rule(photo.transpose(0, 1), 50, level);
    rule(blank.transpose(0, 1), 50, level);
    EXPECT_LT(mean_difference(prepare_image(photo, kDigit, Invert::automatic), drawn_digit()), kSimilar) << level;
    EXPECT_TRUE(find_items(blank, kDigit, Invert::automatic).items.empty()) << level;
  }
}

TEST(PrepareDigitTest, TakesUnderlinesAway) {
  auto photo = photo_of(drawn_digit(), 150, 100, 80, 220, 200, 3);
  photo.slice(0, 240, 246).slice(1, 110, 210).fill_(50);
  photo.slice(0, 256, 262).slice(1, 110, 210).fill_(50);
  EXPECT_LT(mean_difference(prepare_image(photo, kDigit, Invert::automatic), drawn_digit()), kSimilar);
}

TEST(PrepareDigitTest, ReadsWhiteInkOnNothing) {
  const auto ink = enlarged(drawn_digit(), 140, 140);
  const auto white = torch::full_like(ink, 255);
  const auto picture = at::cat({white, white, white, ink}, 2);
  EXPECT_LT(mean_difference(prepare_image(picture, kDigit, Invert::automatic), drawn_digit()), kSame);
  const auto small = drawn_digit().unsqueeze(2);
  const auto item = prepare_image(at::cat({torch::full_like(small, 255), small}, 2), kDigit, Invert::automatic);
  EXPECT_TRUE(item.equal(drawn_digit().unsqueeze(0)));
}

// A "7" of lines as thin as a hundredth of its height.
TEST(PrepareDigitTest, GivesThinStrokesMnistsWidth) {
  auto picture = torch::full({400, 300, 1}, 255, torch::kUInt8);
  picture.slice(0, 50, 53).slice(1, 60, 240).fill_(0);
  for (std::int64_t row = 50; row < 350; ++row)
    picture.slice(0, row, row + 1).slice(1, 238 - row / 3, 241 - row / 3).fill_(0);
  const auto placed = prepare_image(picture, kDigit, Invert::automatic)[0];
  EXPECT_EQ(placed.max().item<int>(), 255);
  const auto width = (placed.to(torch::kFloat32) / 255).sum(1);
  EXPECT_GT(width[14].item<double>(), 1.3);
  EXPECT_LT(width[14].item<double>(), 4);
}

TEST(FindItemsTest, FindsNothingWhereNothingIsWritten) {
  for (const auto& [height, width] : {std::pair{1, 1}, {28, 28}, {50, 40}, {900, 700}}) {
    EXPECT_TRUE(
        find_items(torch::full({height, width, 1}, 230, torch::kUInt8), kDigit, Invert::automatic).items.empty());
  }
  const auto blank = torch::zeros({28, 28}, torch::kUInt8);
  for (const auto& [bright, dim, noise] : {std::tuple{210.0, 180.0, 3.0}, {230.0, 90.0, 5.0}, {150.0, 150.0, 20.0}}) {
    auto photo = photo_of(blank, 100, 10, 10, bright, dim, noise);
    EXPECT_TRUE(find_items(photo, kDigit, Invert::automatic).items.empty()) << bright;
    photo.slice(0, 200, 203).slice(1, 100, 103).fill_(20);
    EXPECT_TRUE(find_items(photo, kDigit, Invert::automatic).items.empty()) << "a speck, " << bright;
  }
}

TEST(FindItemsTest, SaysWhereTheDigitIs) {
  const auto found = find_items(photo_of(drawn_digit(), 140, 100, 60, 220, 200, 3), kDigit, Invert::automatic).items;
  ASSERT_EQ(found.size(), 1U);
  // The drawn digit's ink begins at (4, 9) of 28 and is 20 high and 11 wide.
  EXPECT_NEAR(static_cast<double>(found[0].box.top), 120, 3);
  EXPECT_NEAR(static_cast<double>(found[0].box.left), 105, 3);
  EXPECT_NEAR(static_cast<double>(found[0].box.height), 100, 5);
  EXPECT_NEAR(static_cast<double>(found[0].box.width), 55, 5);
}

// Two lines: a digit and a larger one to its right, and one below them.
TEST(FindItemsTest, ReadsSeveralDigitsInOrder) {
  auto picture = torch::full({300, 300, 1}, 230, torch::kUInt8);
  const auto write = [&](std::int64_t size, std::int64_t top, std::int64_t left) {
    const auto place = picture.slice(0, top, top + size).slice(1, left, left + size);
    place.copy_(230 - enlarged(drawn_digit(), size, size) / 2);
  };
  write(140, 10, 130);
  write(110, 20, 20);
  write(120, 160, 60);
  const auto found = find_items(picture, kDigit, Invert::automatic).items;
  ASSERT_EQ(found.size(), 3U);
  EXPECT_NEAR(static_cast<double>(found[0].box.left), 20 + 110 * 9 / 28.0, 3);
  EXPECT_NEAR(static_cast<double>(found[1].box.left), 130 + 140 * 9 / 28.0, 3);
  EXPECT_NEAR(static_cast<double>(found[2].box.top), 160 + 120 * 4 / 28.0, 3);
  EXPECT_EQ(found[0].line, 0);
  EXPECT_EQ(found[1].line, 0);
  EXPECT_EQ(found[2].line, 1);
  for (const FoundItem& item : found) EXPECT_LT(mean_difference(item.input, drawn_digit()), kSimilar);
}

// A "4" with a separate vertical stroke, and a "5" with a separate bar.
TEST(FindItemsTest, TakesBrokenStrokesForOneDigit) {
  auto four = torch::full({300, 300, 1}, 255, torch::kUInt8);
  four.slice(0, 60, 160).slice(1, 90, 105).fill_(0);
  four.slice(0, 145, 160).slice(1, 90, 170).fill_(0);
  four.slice(0, 60, 260).slice(1, 176, 191).fill_(0);
  auto five = torch::full({300, 300, 1}, 255, torch::kUInt8);
  five.slice(0, 60, 75).slice(1, 120, 200).fill_(0);
  five.slice(0, 85, 150).slice(1, 110, 125).fill_(0);
  five.slice(0, 140, 155).slice(1, 110, 190).fill_(0);
  five.slice(0, 140, 240).slice(1, 180, 195).fill_(0);
  for (const auto& picture : {four, five}) {
    const auto found = find_items(picture, kDigit, Invert::automatic).items;
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NEAR(static_cast<double>(found[0].box.top), 60, 2);
    EXPECT_GT(found[0].box.height, 170);
    EXPECT_GT(found[0].box.width, 80);
  }
}

TEST(FindItemsTest, TakesAPictureOfTheRecipesSizeAsItIs) {
  const auto digit = drawn_digit();
  const auto found = find_items(digit.unsqueeze(2), kDigit, Invert::automatic).items;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].input.equal(digit.unsqueeze(0)));
  EXPECT_EQ(found[0].box.width, 28);
  EXPECT_EQ(found[0].box.height, 28);
  // An item of a data set is classified even if it is blank.
  const auto grey = torch::full({28, 28, 1}, 7, torch::kUInt8);
  EXPECT_EQ(prepare_image(grey, kDigit, Invert::never).min().item<int>(), 7);
}

TEST(PrepareDigitTest, KeepsThinAndTinyDigits) {
  auto hairline = torch::zeros({600, 500, 1}, torch::kUInt8);
  hairline.slice(0, 50, 550).slice(1, 250, 251).fill_(255);
  auto dot = torch::zeros({9, 9, 1}, torch::kUInt8);
  dot[4][4] = 255;
  auto row = torch::zeros({1, 40, 1}, torch::kUInt8);
  row.slice(1, 10, 30).fill_(255);
  auto column = torch::zeros({40, 2, 1}, torch::kUInt8);
  column.slice(0, 10, 30).fill_(255);
  for (const auto& picture : {hairline, dot, row, column}) {
    const auto placed = prepare_image(picture, kDigit, Invert::never);
    EXPECT_EQ(placed.sizes(), (std::vector<std::int64_t>{1, 28, 28}));
    EXPECT_GT(placed.max().item<int>(), 60);
  }
}

TEST(PrepareDigitTest, SurvivesAnySize) {
  std::mt19937 random(9);
  for (int round = 0; round < 60; ++round) {
    const std::int64_t height = 1 + random() % 70;
    const std::int64_t width = 1 + random() % 70;
    auto noise = torch::empty({height, width, 1 + static_cast<std::int64_t>(random() % 4)}, torch::kUInt8);
    for (std::int64_t index = 0; index < noise.numel(); ++index) {
      noise.data_ptr<std::uint8_t>()[index] = static_cast<std::uint8_t>(random());
    }
    EXPECT_EQ(prepare_image(noise, kDigit, Invert::automatic).sizes(), (std::vector<std::int64_t>{1, 28, 28}));
  }
}

TEST(PrepareDigitTest, FillsTheChannelsOfTheRecipe) {
  auto preprocessing = kDigit;
  preprocessing.channels = 3;
  const auto prepared = prepare_image(drawn_digit().unsqueeze(2), preprocessing, Invert::never);
  EXPECT_TRUE(prepared.equal(drawn_digit().expand({3, 28, 28})));
  preprocessing.channels = 2;
  EXPECT_THROW(prepare_image(drawn_digit().unsqueeze(2), preprocessing, Invert::never), Error);
}

TEST(InvertTest, HasNames) {
  EXPECT_EQ(invert_from_name("auto"), Invert::automatic);
  EXPECT_EQ(invert_from_name("always"), Invert::always);
  EXPECT_EQ(invert_from_name("never"), Invert::never);
  try {
    invert_from_name("allways");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.hint(), HasSubstr("always"));
  }
}

}  // namespace
}  // namespace mnist
