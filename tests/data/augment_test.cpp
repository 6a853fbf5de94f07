// Random crops and the fixed preparation of photos against torchvision's numbers.
#include "mnist/data/augment.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/data/prepare.hpp"

#include "support/hashed.hpp"
#include "support/reference_numbers.hpp"

namespace mnist {
namespace {

using test::reference_numbers;

const Preprocessing kPhoto{Preprocessing::Kind::photo, 3, 224, 224, 256, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};

// The pictures of scripts/reference_numbers.py: uint8 [H, W, 3].
torch::Tensor waves(std::int64_t height, std::int64_t width) {
  const torch::Tensor y = at::arange(height).view({-1, 1, 1});
  const torch::Tensor x = at::arange(width).view({1, -1, 1});
  const torch::Tensor smooth =
      (x * 7 + y * 3 + at::arange(3) * 40).remainder(256).div(2, "floor") + (x * y).div(64, "floor").remainder(100);
  const torch::Tensor noise = test::hashed_pixels({height, width, 3}, static_cast<std::uint32_t>(height));
  return (smooth + noise.bitwise_and(27)).to(at::kByte);
}

// At most 1 of 255 from torchvision, as Pillow's fixed-point arithmetic rounds.
void expect_near_sample(const torch::Tensor& pixels, const nlohmann::json& sample, const std::string& what) {
  const torch::Tensor flat = pixels.contiguous().flatten();
  ASSERT_EQ(flat.numel(), 3 * 224 * 224) << what;
  std::size_t index = 0;
  for (std::int64_t i = 0; i < flat.numel(); i += 1009, ++index) {
    EXPECT_NEAR(flat[i].item<int>(), sample[index].get<int>(), 1) << what << " " << i;
  }
  EXPECT_EQ(index, sample.size()) << what;
}

TEST(Transforms, PhotosAreScaledAndCutAsByTorchvision) {
  for (const auto& picture : reference_numbers()["transforms"]["pictures"]) {
    const torch::Tensor pixels = waves(picture["height"], picture["width"]);
    expect_near_sample(prepare_image(pixels, kPhoto, Invert::never), picture["middle"],
                       "middle of " + std::to_string(pixels.size(0)));
  }
}

TEST(Transforms, CropsAreScaledAsByTorchvision) {
  for (const auto& picture : reference_numbers()["transforms"]["pictures"]) {
    const torch::Tensor planes = to_rgb(waves(picture["height"], picture["width"]));
    const auto height = planes.size(1);
    const auto width = planes.size(2);
    const Crop crop{height / 5, width / 7, height / 2, width / 3, false};
    expect_near_sample(apply(crop, planes, kPhoto), picture["crop"], "crop of " + std::to_string(height));
  }
}

TEST(Transforms, AFlipSwapsLeftAndRight) {
  const torch::Tensor planes = to_rgb(waves(300, 400));
  Crop crop{10, 20, 200, 250, false};
  const torch::Tensor straight = apply(crop, planes, kPhoto);
  crop.flip = true;
  EXPECT_TRUE(at::equal(apply(crop, planes, kPhoto), straight.flip(2)));
}

// 20,000 draws each: a quantile of theirs lies within about 0.01 of the distribution's.
TEST(RandomCrop, HasTorchvisionsDistribution) {
  constexpr int kDraws = 20000;
  std::vector<double> areas;
  std::vector<double> ratios;
  int flips = 0;
  double top_share = 0;
  for (int item = 0; item < kDraws; ++item) {
    const Crop crop = random_resized_crop(375, 500, 1, 1, item);
    areas.push_back(static_cast<double>(crop.height * crop.width) / (375 * 500));
    ratios.push_back(static_cast<double>(crop.width) / static_cast<double>(crop.height));
    flips += crop.flip ? 1 : 0;
    if (crop.height < 375) top_share += static_cast<double>(crop.top) / static_cast<double>(375 - crop.height) / kDraws;
    ASSERT_GE(crop.top, 0);
    ASSERT_GE(crop.left, 0);
    ASSERT_LE(crop.top + crop.height, 375);
    ASSERT_LE(crop.left + crop.width, 500);
  }
  std::ranges::sort(areas);
  std::ranges::sort(ratios);
  const auto& expected = reference_numbers()["transforms"]["crops"];
  for (std::size_t i = 0; i < expected["quantiles"].size(); ++i) {
    const auto index = static_cast<std::size_t>(expected["quantiles"][i].get<double>() * kDraws);
    EXPECT_NEAR(areas[index], expected["area"][i].get<double>(), 0.015) << i;
    EXPECT_NEAR(ratios[index], expected["ratio"][i].get<double>(), 0.015) << i;
  }
  EXPECT_NEAR(flips, 0.5 * kDraws, 300);
  EXPECT_NEAR(top_share, 0.5, 0.03);
}

TEST(RandomCrop, IsAPureFunctionOfSeedEpochAndItem) {
  const Crop crop = random_resized_crop(375, 500, 1, 1, 7);
  EXPECT_EQ(crop, random_resized_crop(375, 500, 1, 1, 7));
  EXPECT_NE(crop, random_resized_crop(375, 500, 2, 1, 7));
  EXPECT_NE(crop, random_resized_crop(375, 500, 1, 2, 7));
  EXPECT_NE(crop, random_resized_crop(375, 500, 1, 1, 8));
}

// If no attempt fits, the result is the largest centre crop with an allowed ratio. No attempt fits a strip of 10 x
// 10,000 pixels, because 8 % of its area, the minimum, is at least 77 pixels high.
TEST(RandomCrop, OfAStripIsItsMiddle) {
  for (const auto& [height, width] : {std::pair{10, 10'000}, {10'000, 10}}) {
    for (int item = 0; item < 50; ++item) {
      Crop crop = random_resized_crop(height, width, 1, 1, item);
      crop.flip = false;
      // 10 * 4/3 pixels wide, or 10 / (3/4) high.
      const Crop expected =
          height < width ? Crop{0, (width - 13) / 2, 10, 13, false} : Crop{(height - 13) / 2, 0, 13, 10, false};
      EXPECT_EQ(crop, expected) << item;
    }
  }
  EXPECT_EQ(random_resized_crop(1, 1, 1, 1, 0).height, 1);
}

TEST(RandomAngles, AreUniformAndDependOnSeedEpochAndItemAlone) {
  const torch::Tensor items = at::arange(10'000);
  const torch::Tensor angles = random_angles(30, items, 1, 1);
  EXPECT_LT(angles.abs().max().item<double>(), 30.001);
  EXPECT_NEAR(angles.mean().item<double>(), 0, 0.6);
  EXPECT_NEAR(angles.std().item<double>(), 60 / std::sqrt(12.0), 0.3);
  EXPECT_TRUE(at::equal(random_angles(30, items.flip(0), 1, 1).flip(0), angles));
  EXPECT_FALSE(at::equal(random_angles(30, items, 2, 1), angles));
  EXPECT_FALSE(at::equal(random_angles(30, items, 1, 2), angles));
}

TEST(Rotate, TurnsCounterclockwiseAboutTheMiddle) {
  const torch::Tensor images = at::rand({3, 1, 28, 28}).mul_(255).to(at::kByte);
  const torch::Tensor turned = rotate(images, at::tensor({0.0F, 90.0F, -90.0F}));
  EXPECT_TRUE(at::allclose(turned[0], images[0].to(at::kFloat), 0, 0.01));
  EXPECT_TRUE(at::allclose(turned[1], images[1].to(at::kFloat).rot90(1, {1, 2}), 0, 0.01));
  EXPECT_TRUE(at::allclose(turned[2], images[2].to(at::kFloat).rot90(-1, {1, 2}), 0, 0.01));
  EXPECT_EQ(rotate(images, at::full({3}, 45.0F)).select(2, 0).select(2, 0).abs().sum().item<double>(), 0);  // outside
}

}  // namespace
}  // namespace mnist
