#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "mnist/data/prepare.hpp"
#include "mnist/format/image.hpp"

#include "support/pam.hpp"

namespace mnist {
namespace {

Preprocessing photo_recipe(std::int64_t resize, std::int64_t side) {
  Preprocessing preprocessing;
  preprocessing.kind = Preprocessing::Kind::photo;
  preprocessing.channels = 3;
  preprocessing.resize = resize;
  preprocessing.height = side;
  preprocessing.width = side;
  return preprocessing;
}

TEST(PreparePhotoTest, DoesWhatTorchvisionDoes) {
  const auto photo = read_image(test::fixture("images/photo.png"));
  const auto expected = test::read_pam(test::fixture("images/photo_18_15.pam")).permute({2, 0, 1});
  const auto prepared = prepare_image(photo, photo_recipe(18, 15), Invert::automatic);
  ASSERT_EQ(prepared.sizes(), expected.sizes());
  EXPECT_LE((prepared.to(torch::kInt) - expected.to(torch::kInt)).abs().max().item<int>(), 1);
}

TEST(PreparePhotoTest, MakesColourOfGrey) {
  const auto grey = torch::arange(100).to(torch::kUInt8).view({10, 10, 1});
  const auto prepared = prepare_image(grey, photo_recipe(10, 10), Invert::always);
  EXPECT_TRUE(prepared.equal(grey.squeeze(2).expand({3, 10, 10})));
}

TEST(PreparePhotoTest, EnlargesWhatIsSmallerThanTheCrop) {
  const auto pixel = torch::full({1, 3, 3}, 77, torch::kUInt8);
  const auto prepared = prepare_image(pixel, photo_recipe(0, 8), Invert::automatic);
  EXPECT_TRUE(prepared.equal(torch::full({3, 8, 8}, 77, torch::kUInt8)));
}

TEST(PreparePhotoTest, FindsThePhotoWhateverIsOnIt) {
  const auto found =
      find_items(torch::full({40, 30, 3}, 255, torch::kUInt8), photo_recipe(10, 10), Invert::automatic).items;
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].input.sizes(), (std::vector<std::int64_t>{3, 10, 10}));
  EXPECT_EQ(found[0].box.width, 30);
  EXPECT_EQ(found[0].box.height, 40);
}

TEST(PreparePhotoTest, TakesTheMiddleOfAStrip) {
  auto strip = torch::zeros({1, 100'001, 3}, torch::kUInt8);
  strip.slice(1, 49'990, 50'010).fill_(200);
  const auto prepared = prepare_image(strip, photo_recipe(256, 224), Invert::automatic);
  EXPECT_EQ(prepared.min().item<int>(), 200);
}

}  // namespace
}  // namespace mnist
