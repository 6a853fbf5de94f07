// A drawn digit, and a photo of it on paper, for tests of how pictures of digits are read.
#pragma once

#include <random>

#include <ATen/ops/upsample_bilinear2d.h>
#include <torch/types.h>

#include "mnist/core/recipe.hpp"

namespace mnist::test {

inline const Preprocessing kDigit;  // 1 x 28 x 28

// A shape like "2", placed like MNIST's digits: 20 pixels high, centre of mass in the middle. uint8 [28, 28]
inline torch::Tensor drawn_digit() {
  auto digit = torch::zeros({28, 28}, torch::kUInt8);
  digit.slice(0, 4, 7).slice(1, 9, 19).fill_(255);    // top
  digit.slice(0, 7, 13).slice(1, 15, 19).fill_(255);  // right side
  digit.slice(0, 13, 16).slice(1, 9, 19).fill_(200);  // middle
  digit.slice(0, 16, 20).slice(1, 9, 11).fill_(255);  // left side
  digit.slice(0, 20, 24).slice(1, 9, 20).fill_(255);  // bottom
  return digit;
}

inline torch::Tensor enlarged(const torch::Tensor& digit, std::int64_t height, std::int64_t width) {
  return at::upsample_bilinear2d(digit.to(torch::kFloat32).view({1, 1, 28, 28}), {height, width}, false)
      .round()
      .to(torch::kUInt8)
      .view({height, width, 1});
}

inline double mean_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.to(torch::kFloat32) - b.to(torch::kFloat32)).abs().mean().item<double>();
}

// A photo of the digit: `size` pixels large with its top left corner at (top, left), dark on 400 x 300 pixels of paper,
// with light from `bright` at the left to `dim` at the right and camera noise.
inline torch::Tensor photo_of(const torch::Tensor& digit, std::int64_t size, std::int64_t top, std::int64_t left,
                              double bright, double dim, double noise) {
  auto ink = torch::zeros({400, 300}, torch::kFloat32);
  ink.slice(0, top, top + size).slice(1, left, left + size).copy_(enlarged(digit, size, size).squeeze(2));
  auto photo = torch::linspace(bright, dim, 300).view({1, 300}) * (1 - 0.75 * ink / 255);
  std::mt19937 random(3);
  std::normal_distribution<float> distribution(0, 1);
  auto* values = photo.data_ptr<float>();
  for (std::int64_t pixel = 0; pixel < photo.numel(); ++pixel) {
    values[pixel] += static_cast<float>(noise) * distribution(random);
  }
  return photo.clamp(0, 255).round().to(torch::kUInt8).unsqueeze(2);
}

// Bounds for the mean difference of grey levels. The drawn digit differs from itself shifted by one pixel by 12, and
// edges are softer after scaling, as they are in MNIST's own digits.
inline constexpr double kSame = 10;
inline constexpr double kSimilar = 15;

}  // namespace mnist::test
