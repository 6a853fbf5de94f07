#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/data/dataset.hpp"

namespace mnist {
namespace {

// 60 items of class 0, 30 of class 1, 10 of class 2; each image is its number.
Dataset uneven() {
  const torch::Tensor numbers = at::arange(100);
  const torch::Tensor labels = numbers.ge(60).to(at::kLong) + numbers.ge(90).to(at::kLong);
  return {"test", numbers.to(at::kByte).view({100, 1, 1, 1}), labels, {"a", "b", "c"}};
}

TEST(HoldBack, EachItemIsOnOneSideInTheOldOrder) {
  const HeldBack parts = hold_back(uneven(), 20, 1);
  ASSERT_EQ(parts.kept.size(), 20);
  ASSERT_EQ(parts.rest.size(), 80);
  for (const Dataset* part : {&parts.kept, &parts.rest}) {
    const torch::Tensor numbers = part->images.flatten().to(at::kLong);
    EXPECT_TRUE(numbers.diff().gt(0).all().item<bool>()) << "the order is kept";
    EXPECT_TRUE(part->labels.equal(uneven().labels.index_select(0, numbers))) << "labels stay with their images";
    EXPECT_EQ(part->class_names.size(), 3u);
  }
  const torch::Tensor all = at::cat({parts.kept.images.flatten(), parts.rest.images.flatten()});
  EXPECT_TRUE(std::get<0>(all.sort()).equal(uneven().images.flatten()));
}

TEST(HoldBack, EachClassGivesItsShare) {
  EXPECT_TRUE(at::bincount(hold_back(uneven(), 20, 1).kept.labels).equal(at::tensor({12, 6, 2}, at::kLong)));
  // Shares of 3.6, 1.8 and 0.6: the missing items go to the largest remainders, the first class first.
  EXPECT_TRUE(at::bincount(hold_back(uneven(), 6, 1).kept.labels, {}, 3).equal(at::tensor({4, 2, 0}, at::kLong)));
}

TEST(HoldBack, IsAFunctionOfTheSeed) {
  const auto kept = [](std::uint64_t seed) { return hold_back(uneven(), 20, seed).kept.images; };
  EXPECT_TRUE(kept(1).equal(kept(1)));
  EXPECT_FALSE(kept(1).equal(kept(2)));
}

}  // namespace
}  // namespace mnist
