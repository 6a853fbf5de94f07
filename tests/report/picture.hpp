// A picture that was drawn, read again.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "mnist/format/image.hpp"

namespace mnist::test {

using Rgb = std::array<int, 3>;

// Series of a plot.
inline constexpr Rgb kTrainInk = {0, 115, 179};
inline constexpr Rgb kTestInk = {214, 94, 0};

inline constexpr Rgb kWhiteInk = {255, 255, 255};
inline constexpr Rgb kGreenInk = {15, 117, 56};
inline constexpr Rgb kRedInk = {191, 31, 31};
inline constexpr Rgb kBlueInk = {31, 97, 179};

struct Box {
  std::int64_t left = 0, top = 0, right = 0, bottom = 0;  // the last two not included

  std::int64_t width() const { return right - left; }
  std::int64_t height() const { return bottom - top; }
  double middle() const { return static_cast<double>(top + bottom - 1) / 2; }
};

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
inline void expect_text(const Picture& picture, const Box& box, const Rgb& color, const std::string& what) {
  const torch::Tensor ink = picture.ink(box);
  const torch::Tensor expected = at::tensor({255.0 - color[0], 255.0 - color[1], 255.0 - color[2]});
  EXPECT_GT(ink.sum().item<double>(), 1000) << what << ": nothing is written";
  EXPECT_LT((ink / ink.norm() - expected / expected.norm()).norm().item<double>(), 0.05) << what;
}

}  // namespace mnist::test
