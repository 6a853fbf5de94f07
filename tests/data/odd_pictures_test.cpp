// Pictures that are not digits: tiny pictures, bars, stripes, lattices. Each one is prepared or has no digit. Some of
// them once took minutes; the time limit of the tests would detect that.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/data/prepare.hpp"

namespace mnist {
namespace {

Preprocessing digits() {
  return {Preprocessing::Kind::digit, 1, 28, 28, 0, {0.1307}, {0.3081}};
}

void expect_prepared(const torch::Tensor& pixels, const std::string& what) {
  for (const Invert invert : {Invert::automatic, Invert::always, Invert::never}) {
    for (const FoundItem& item : find_items(pixels, digits(), invert).items) {
      EXPECT_EQ(item.input.sizes(), at::IntArrayRef({1, 28, 28})) << what;
    }
  }
}

TEST(OddPictures, BarsInTinyOnes) {
  for (const std::int64_t side : {1, 2, 3, 5, 8, 12, 16, 20, 25, 31, 32, 40}) {
    for (const std::int64_t width : {1, 2, 3, 4, 6}) {
      if (width > side) continue;
      torch::Tensor pixels = at::full({side, side, 1}, 255, at::kByte);
      const std::int64_t left = (side - width) / 2;
      pixels.slice(0, side / 5, side - side / 5).slice(1, left, left + width).fill_(0);
      expect_prepared(pixels, std::to_string(side) + " " + std::to_string(width));
    }
  }
}

TEST(OddPictures, StripesAndLattices) {
  const torch::Tensor place = at::arange(512);
  const torch::Tensor stripes = place.remainder(6).lt(3).view({1, 512, 1}).expand({512, 512, 1});
  expect_prepared(stripes.to(at::kByte) * 255, "upright stripes");
  expect_prepared(stripes.transpose(0, 1).to(at::kByte) * 255, "level stripes");
  const torch::Tensor blobs = place.remainder(16).lt(8);
  expect_prepared(at::logical_and(blobs.view({512, 1, 1}), blobs.view({1, 512, 1})).to(at::kByte) * 255, "lattice");
  const torch::Tensor dots =
      at::logical_and(place.remainder(20).lt(14).view({512, 1, 1}), place.remainder(20).lt(14).view({1, 512, 1}));
  expect_prepared(255 - dots.to(at::kByte) * 255, "hundreds of marks");
  expect_prepared(at::full({512, 512, 1}, 255, at::kByte), "all light");
  expect_prepared(at::zeros({512, 512, 1}, at::kByte), "all dark");
}

}  // namespace
}  // namespace mnist
