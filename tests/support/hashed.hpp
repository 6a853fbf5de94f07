// Numbers from a small integer hash, the same as in scripts/reference_numbers.py, so that weights, pixels and gradients
// need not be committed. Header only, because only tests of modules that use LibTorch may include it.
#pragma once

#include <cstdint>

#include <ATen/ATen.h>

namespace mnist::test {

inline std::uint32_t hashed(std::uint32_t index, std::uint32_t salt) {
  std::uint32_t x = index * 2654435761u + salt * 97u;
  x ^= x >> 15;
  x *= 0x2C1B3C6Du;
  x ^= x >> 12;
  x *= 0x297A2D39u;
  x ^= x >> 15;
  return x;
}

// float32 in [-bound, bound)
inline at::Tensor hashed_uniform(at::IntArrayRef shape, std::uint32_t salt, double bound) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  auto* out = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    out[i] = static_cast<float>((2 * (hashed(static_cast<std::uint32_t>(i), salt) / 4294967296.0) - 1) * bound);
  }
  return tensor;
}

// uint8
inline at::Tensor hashed_pixels(at::IntArrayRef shape, std::uint32_t salt) {
  at::Tensor tensor = at::empty(shape, at::kByte);
  auto* out = tensor.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    out[i] = static_cast<std::uint8_t>(hashed(static_cast<std::uint32_t>(i), salt) & 255);
  }
  return tensor;
}

// The inputs of scripts/reference_numbers.py: 80 digits [80, 1, 28, 28] or photos [80, 3, 64, 64], normalised.
inline at::Tensor reference_inputs(bool photos) {
  const at::Tensor pixels =
      hashed_pixels(photos ? at::IntArrayRef({80, 3, 64, 64}) : at::IntArrayRef({80, 1, 28, 28}), 1000);
  const at::Tensor values = pixels.to(at::kFloat).div(255);
  return photos ? values.sub(0.45).div(0.22) : values.sub(0.1307).div(0.3081);
}

}  // namespace mnist::test
