#include "mnist/data/augment.hpp"

#include <array>
#include <cmath>
#include <numbers>

#include <ATen/ATen.h>

#include "mnist/core/philox.hpp"

#include "picture.hpp"

namespace mnist {
namespace {

constexpr double kLeastArea = 0.08;  // share of the picture's area
constexpr double kLeastRatio = 3.0 / 4.0;
constexpr double kLargestRatio = 4.0 / 3.0;
constexpr std::uint32_t kTries = 10;

// Differs from the key of the item order, whose counters may be equal.
constexpr std::uint64_t kKeyOfCrops = 0x43726F7043726F70;

// Uniform in [0, 1).
double unit(std::uint32_t word) {
  return static_cast<double>(word) / 4294967296.0;
}

// Uniform in [0, range), with a bias of at most 2^-32.
std::int64_t below(std::int64_t range, std::uint32_t word) {
  return static_cast<std::int64_t>((static_cast<std::uint64_t>(range) * word) >> 32);
}

std::int64_t round_to_even(double value) {
  return static_cast<std::int64_t>(std::nearbyint(value));
}

// The largest centre crop with an allowed aspect ratio.
Crop middle_crop(std::int64_t height, std::int64_t width) {
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  Crop crop{0, 0, height, width, false};
  if (ratio < kLeastRatio) crop.height = round_to_even(static_cast<double>(width) / kLeastRatio);
  if (ratio > kLargestRatio) crop.width = round_to_even(static_cast<double>(height) * kLargestRatio);
  crop.top = (height - crop.height) / 2;
  crop.left = (width - crop.width) / 2;
  return crop;
}

}  // namespace

Crop random_resized_crop(std::int64_t height, std::int64_t width, std::uint64_t seed, std::int64_t epoch,
                         std::int64_t item) {
  const PhiloxKey key = philox_key(seed ^ kKeyOfCrops);
  const auto words = [&](std::uint32_t block) {
    return philox({static_cast<std::uint32_t>(item), block, static_cast<std::uint32_t>(epoch),
                   static_cast<std::uint32_t>(static_cast<std::uint64_t>(item) >> 32)},
                  key);
  };
  const bool flip = words(kTries)[0] >> 31 != 0;
  const double area = static_cast<double>(height) * static_cast<double>(width);
  for (std::uint32_t attempt = 0; attempt < kTries; ++attempt) {
    const auto [area_word, ratio_word, top_word, left_word] = words(attempt);
    const double target_area = area * (kLeastArea + (1 - kLeastArea) * unit(area_word));
    const double ratio =
        std::exp(std::log(kLeastRatio) + (std::log(kLargestRatio) - std::log(kLeastRatio)) * unit(ratio_word));
    const std::int64_t w = round_to_even(std::sqrt(target_area * ratio));
    const std::int64_t h = round_to_even(std::sqrt(target_area / ratio));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      return {below(height - h + 1, top_word), below(width - w + 1, left_word), h, w, flip};
    }
  }
  Crop crop = middle_crop(height, width);
  crop.flip = flip;
  return crop;
}

torch::Tensor random_angles(double limit, const torch::Tensor& items, std::uint64_t seed, std::int64_t epoch) {
  const PhiloxKey key = philox_key(seed ^ kKeyOfCrops);
  torch::Tensor angles = at::empty(items.sizes(), at::kFloat);
  for (std::int64_t i = 0; i < items.numel(); ++i) {
    const auto item = static_cast<std::uint64_t>(items.const_data_ptr<std::int64_t>()[i]);
    const PhiloxCounter words = philox({static_cast<std::uint32_t>(item), 0, static_cast<std::uint32_t>(epoch),
                                        static_cast<std::uint32_t>(item >> 32)},
                                       key);
    angles.mutable_data_ptr<float>()[i] = static_cast<float>(limit * (2 * unit(words[0]) - 1));
  }
  return angles;
}

torch::Tensor rotate(const torch::Tensor& images, const torch::Tensor& degrees) {
  const torch::Tensor angles = degrees.to(images.device()) * (std::numbers::pi / 180);
  const double ratio = static_cast<double>(images.size(2)) / static_cast<double>(images.size(3));
  // The inverse rotation: the source of each result pixel, in coordinates from -1 to 1.
  torch::Tensor from = at::zeros({images.size(0), 2, 3}, angles.options());
  from.select(1, 0).select(1, 0).copy_(angles.cos());
  from.select(1, 0).select(1, 1).copy_(-angles.sin() * ratio);
  from.select(1, 1).select(1, 0).copy_(angles.sin() / ratio);
  from.select(1, 1).select(1, 1).copy_(angles.cos());
  const torch::Tensor grid = at::affine_grid_generator(from, images.sizes(), /*align_corners=*/false);
  constexpr std::int64_t kBilinear = 0;
  constexpr std::int64_t kZeros = 0;
  return at::grid_sampler(images.to(at::kFloat), grid, kBilinear, kZeros, /*align_corners=*/false);
}

torch::Tensor apply(const Crop& crop, const torch::Tensor& planes, const Preprocessing& preprocessing) {
  const torch::Tensor cut = planes.narrow(1, crop.top, crop.height).narrow(2, crop.left, crop.width);
  const torch::Tensor resized = resize(cut, preprocessing.height, preprocessing.width);
  return crop.flip ? resized.flip(2) : resized;
}

}  // namespace mnist
