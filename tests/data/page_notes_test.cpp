// What is no digit on a page, and what is told of a page whose digits may be wrong.
#include <gtest/gtest.h>

#include "mnist/data/prepare.hpp"

#include "drawn_digit.hpp"

namespace mnist {
namespace {

using test::drawn_digit;
using test::kDigit;
using test::kSimilar;
using test::mean_difference;
using test::photo_of;

TEST(PageNotesTest, SaysThatADigitIsCutOff) {
  const auto note_of = [](const torch::Tensor& photo) {
    const FoundItems found = find_items(photo, kDigit, Invert::automatic);
    EXPECT_EQ(found.items.size(), 1U);
    return found.note;
  };
  const auto whole = photo_of(drawn_digit(), 150, 100, 80, 220, 200, 3);
  EXPECT_EQ(note_of(whole), PictureNote::none);
  auto photo = whole.clone();
  photo.slice(0, 120, 220).slice(1, 285, 300).fill_(40);  // the left part of a digit at the right edge
  EXPECT_EQ(note_of(photo), PictureNote::stroke_at_edge);
  photo.slice(0, 0, 400).slice(1, 285, 300).fill_(40);  // a table's edge
  EXPECT_EQ(note_of(photo), PictureNote::none);
  EXPECT_EQ(note_of(whole.slice(0, 0, 190)), PictureNote::digit_at_edge) << "without its lower part";
}

TEST(PageNotesTest, SaysThatADigitMayBeSeveral) {
  auto photo = photo_of(drawn_digit(), 150, 100, 40, 220, 200, 3);
  photo.slice(0, 170, 180).slice(1, 60, 200).fill_(40);  // connects two digits
  photo.slice(0, 130, 220).slice(1, 195, 210).fill_(40);
  const FoundItems found = find_items(photo, kDigit, Invert::automatic);
  ASSERT_EQ(found.items.size(), 1U);
  EXPECT_EQ(found.note, PictureNote::wide_digit);
}

TEST(PageNotesTest, SaysThatMarksAreTooSmall) {
  auto page = torch::full({1200, 900, 1}, 230, torch::kUInt8);
  page.slice(0, 500, 522).slice(1, 400, 404).fill_(20);
  const FoundItems found = find_items(page, kDigit, Invert::automatic);
  EXPECT_TRUE(found.items.empty());
  EXPECT_EQ(found.note, PictureNote::small_marks);
  const auto blank = torch::full({1200, 900, 1}, 230, torch::kUInt8);
  EXPECT_EQ(find_items(blank, kDigit, Invert::automatic).note, PictureNote::none);
}

TEST(PageNotesTest, ADotIsNoDigit) {
  auto page = torch::full({300, 300, 1}, 230, torch::kUInt8);
  for (std::int64_t row = -8; row <= 8; ++row) {
    for (std::int64_t column = -8; column <= 8; ++column) {
      if (row * row + column * column <= 64) page[150 + row][150 + column] = 20;
    }
  }
  EXPECT_TRUE(find_items(page, kDigit, Invert::automatic).items.empty());
}

TEST(PageNotesTest, TakesTheFrameOfAFormAway) {
  auto photo = photo_of(drawn_digit(), 150, 100, 80, 220, 200, 3);
  const auto inside = photo.slice(0, 80, 270).slice(1, 60, 250).clone();
  photo.slice(0, 74, 276).slice(1, 54, 256).fill_(30);
  photo.slice(0, 80, 270).slice(1, 60, 250).copy_(inside);
  EXPECT_LT(mean_difference(prepare_image(photo, kDigit, Invert::automatic), drawn_digit()), kSimilar);
}

}  // namespace
}  // namespace mnist
