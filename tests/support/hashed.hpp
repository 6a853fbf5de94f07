// Numbers from a small integer hash, the same as in scripts/reference_numbers.py: weights, pixels and gradients that
// need not be committed. Header only, because only tests of modules that know LibTorch may include it.
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

}  // namespace mnist::test
