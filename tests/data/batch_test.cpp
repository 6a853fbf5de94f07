#include "mnist/data/batch.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mnist {
namespace {

std::vector<std::int64_t> values(const torch::Tensor& order) {
  return {order.data_ptr<std::int64_t>(), order.data_ptr<std::int64_t>() + order.numel()};
}

TEST(EpochOrderTest, IsAPermutation) {
  for (const std::int64_t count : {0, 1, 2, 3, 100, 60000}) {
    const auto order = epoch_order(count, 1, 1);
    ASSERT_EQ(order.scalar_type(), torch::kInt64);
    EXPECT_TRUE(std::get<0>(order.sort()).equal(torch::arange(count)));
  }
}

// Runs that are resumed years later on another machine must see the same order: these values never change.
TEST(EpochOrderTest, IsFixedForEver) {
  EXPECT_EQ(values(epoch_order(10, 1, 1)), (std::vector<std::int64_t>{2, 6, 3, 9, 5, 7, 4, 8, 0, 1}));
  EXPECT_EQ(values(epoch_order(10, 0x123456789ABCDEF0, 3)), (std::vector<std::int64_t>{8, 3, 4, 1, 5, 7, 0, 2, 6, 9}));
}

TEST(EpochOrderTest, DependsOnSeedAndEpoch) {
  const auto order = epoch_order(1000, 1, 1);
  EXPECT_TRUE(order.equal(epoch_order(1000, 1, 1)));
  for (const auto& other : {epoch_order(1000, 2, 1), epoch_order(1000, 1, 2), epoch_order(1000, (1ULL << 32) + 1, 1)}) {
    // Two unrelated orders agree in one place on average.
    EXPECT_LT((order == other).sum().item<int>(), 10);
  }
}

TEST(EpochOrderTest, IsUniform) {
  // Each of 5 items in each of 5 places: 1,000 of 5,000 times, standard deviation 28.
  auto counts = torch::zeros({5, 5}, torch::kInt64);
  for (int seed = 0; seed < 5000; ++seed) {
    const auto order = values(epoch_order(5, static_cast<std::uint64_t>(seed), 1));
    for (std::int64_t place = 0; place < 5; ++place) counts.data_ptr<std::int64_t>()[place * 5 + order[place]] += 1;
  }
  EXPECT_LT((counts - 1000).abs().max().item<int>(), 140);
}

Preprocessing mnist_preprocessing() {
  Preprocessing preprocessing;
  preprocessing.mean = {0.1307};
  preprocessing.std = {0.3081};
  return preprocessing;
}

TEST(NormalizeTest, IsBitForBitTorchvisions) {
  const auto pixels = torch::arange(256).to(torch::kUInt8).view({1, 1, 16, 16});
  const auto normalized = normalize(pixels, mnist_preprocessing());
  ASSERT_EQ(normalized.scalar_type(), torch::kFloat32);
  for (int value = 0; value < 256; ++value) {
    const float scaled = static_cast<float>(value) / 255.0F;
    const float centred = scaled - 0.1307F;
    EXPECT_EQ(normalized.data_ptr<float>()[value], centred / 0.3081F) << value;
  }
  // What torchvision 0.27 gives for 0, 1, 128 and 255.
  EXPECT_EQ(normalized.data_ptr<float>()[0], -0x1.b264e20000000p-2F);
  EXPECT_EQ(normalized.data_ptr<float>()[1], -0x1.a55c400000000p-2F);
  EXPECT_EQ(normalized.data_ptr<float>()[128], 0x1.347af40000000p+0F);
  EXPECT_EQ(normalized.data_ptr<float>()[255], 0x1.69267a0000000p+1F);
}

TEST(NormalizeTest, TakesEachChannelsMeanAndStd) {
  Preprocessing preprocessing;
  preprocessing.channels = 3;
  preprocessing.mean = {0, 0.5, 1};
  preprocessing.std = {1, 0.5, 0.25};
  const auto pixels = torch::full({2, 3, 1, 1}, 255, torch::kUInt8);
  const auto expected = torch::tensor({1.0F, 1.0F, 0.0F}).view({1, 3, 1, 1}).expand({2, 3, 1, 1});
  EXPECT_TRUE(normalize(pixels, preprocessing).equal(expected));
  EXPECT_EQ(pixels.min().item<int>(), 255);
}

TEST(BatchTest, Gathers) {
  const Dataset dataset{"mnist",
                        torch::arange(6).to(torch::kUInt8).view({6, 1, 1, 1}).expand({6, 1, 28, 28}).contiguous(),
                        torch::arange(6),
                        {"0", "1", "2", "3", "4", "5"}};
  const auto preprocessing = mnist_preprocessing();
  const auto all = normalize(dataset.images, preprocessing);

  const auto indices = torch::tensor({4, 0, 5}, torch::kInt64);
  const auto gathered = gather_batch(dataset, indices, preprocessing);
  EXPECT_TRUE(gathered.targets.equal(indices));
  EXPECT_TRUE(gathered.inputs.equal(all.index_select(0, indices)));
  EXPECT_TRUE(denormalize(gathered.inputs, preprocessing).equal(dataset.images.index_select(0, indices)));
}

}  // namespace
}  // namespace mnist
