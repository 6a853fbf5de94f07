#include "mnist/model/dropout.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace mnist {
namespace {

torch::Tensor kept(const Dropout& dropout, at::IntArrayRef shape, double p, int layer) {
  return dropout(at::ones(shape), p, layer).ne(0);
}

TEST(Dropout, OffChangesNothing) {
  const torch::Tensor x = at::rand({3, 5});
  EXPECT_TRUE(at::equal(Dropout::off()(x, 0.5, 0), x));
}

TEST(Dropout, DropsItsShareAndKeepsTheMean) {
  for (const double p : {0.25, 0.5}) {
    const torch::Tensor y = Dropout(1, 1, 0)(at::ones({64, 9216}), p, 0);
    EXPECT_NEAR(y.eq(0).to(at::kDouble).mean().item<double>(), p, 0.002);
    EXPECT_NEAR(y.mean().item<double>(), 1.0, 0.003);
    EXPECT_NEAR(y.max().item<double>(), 1 / (1 - p), 1e-6);
  }
}

// Runs are reproducible across versions only if these bits never change.
TEST(Dropout, MaskIsAKnownFunctionOfItsCounter) {
  const torch::Tensor mask = kept(Dropout(1, 1, 0), {2, 12}, 0.5, 0);
  std::string bits;
  for (std::int64_t i = 0; i < mask.numel(); ++i) bits += mask.flatten()[i].item<bool>() ? '1' : '0';
  EXPECT_EQ(bits, "011100100010100011100001");
}

TEST(Dropout, DependsOnSeedEpochStepLayerRowAndNothingElse) {
  const std::vector<std::int64_t> shape = {4, 100};
  const torch::Tensor mask = kept(Dropout(1, 1, 0), shape, 0.5, 0);
  EXPECT_TRUE(at::equal(mask, kept(Dropout(1, 1, 0), shape, 0.5, 0)));
  EXPECT_FALSE(at::equal(mask, kept(Dropout(2, 1, 0), shape, 0.5, 0)));
  EXPECT_FALSE(at::equal(mask, kept(Dropout(1ULL << 32 | 1, 1, 0), shape, 0.5, 0)));
  EXPECT_FALSE(at::equal(mask, kept(Dropout(1, 2, 0), shape, 0.5, 0)));
  EXPECT_FALSE(at::equal(mask, kept(Dropout(1, 1, 1), shape, 0.5, 0)));
  EXPECT_FALSE(at::equal(mask, kept(Dropout(1, 1, 0), shape, 0.5, 1)));
  EXPECT_FALSE(at::equal(mask[0], mask[1]));
  // A smaller batch has the same masks for its items.
  EXPECT_TRUE(at::equal(mask.slice(0, 0, 2), kept(Dropout(1, 1, 0), {2, 100}, 0.5, 0)));
  // So has a process that computes only the last two rows.
  EXPECT_TRUE(at::equal(mask.slice(0, 2, 4), kept(Dropout(1, 1, 0, 2), {2, 100}, 0.5, 0)));
}

TEST(Dropout, IsTheSameInEveryMemoryLayoutAndWithAnyNumberOfThreads) {
  const torch::Tensor x = at::ones({4, 3, 5, 7});
  const torch::Tensor plain = Dropout(1, 1, 0)(x, 0.5, 0);
  EXPECT_TRUE(at::equal(plain, Dropout(1, 1, 0)(x.contiguous(at::MemoryFormat::ChannelsLast), 0.5, 0)));
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  EXPECT_TRUE(at::equal(plain, Dropout(1, 1, 0)(x, 0.5, 0)));
  at::set_num_threads(threads);
}

TEST(Dropout, GradientPassesWhereElementsWereKept) {
  torch::Tensor x = at::ones({8, 16});
  x.requires_grad_(true);
  const torch::Tensor y = Dropout(3, 1, 5)(x, 0.25, 1);
  y.sum().backward();
  EXPECT_TRUE(at::equal(x.grad(), y.detach()));
}

TEST(Dropout, TakesLowPrecisionAndEmptyBatches) {
  EXPECT_EQ(Dropout(1, 1, 0)(at::ones({2, 3}, at::kBFloat16), 0.5, 0).scalar_type(), at::kBFloat16);
  EXPECT_EQ(Dropout(1, 1, 0)(at::ones({0, 3}), 0.5, 0).numel(), 0);
}

}  // namespace
}  // namespace mnist
