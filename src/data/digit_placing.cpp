#include "digit_placing.hpp"

#include <algorithm>
#include <cmath>

#include "picture.hpp"

namespace mnist {
namespace {

constexpr double kBoxShare = 20.0 / 28.0;  // of the picture's size, for the digit's box; MNIST's

// Where a box of `size` begins so that its centre of mass comes nearest to the middle of `room` without leaving it.
// `profile`: float [size], the ink by position.
std::int64_t centred(const torch::Tensor& profile, std::int64_t room) {
  const auto size = profile.size(0);
  const auto positions = torch::arange(size, torch::kFloat32);
  const auto centre = ((profile * positions).sum() / profile.sum()).item<double>();
  const auto middle = room / 2;
  const auto begin = std::llround(static_cast<double>(middle) - centre);
  return std::clamp<std::int64_t>(begin, 0, room - size);
}

double scale_to(const torch::Tensor& ink, std::int64_t height, std::int64_t width) {
  return std::min(kBoxShare * static_cast<double>(height) / static_cast<double>(ink.size(0)),
                  kBoxShare * static_cast<double>(width) / static_cast<double>(ink.size(1)));
}

}  // namespace

torch::Tensor place_digit(const torch::Tensor& ink, std::int64_t height, std::int64_t width) {
  const auto scale = scale_to(ink, height, width);
  const auto scaled = [&](std::int64_t side) {
    return std::max<std::int64_t>(1, std::llround(static_cast<double>(side) * scale));
  };
  const auto digit = resize(ink.unsqueeze(0), scaled(ink.size(0)), scaled(ink.size(1))).squeeze(0);
  const auto top = centred(digit.sum(1), height);
  const auto left = centred(digit.sum(0), width);
  auto result = torch::zeros({1, height, width}, torch::kUInt8);
  result[0]
      .slice(0, top, top + digit.size(0))
      .slice(1, left, left + digit.size(1))
      .copy_((digit * 255).round().clamp(0, 255));
  return result;
}

}  // namespace mnist
