// Converts tensors to kernel arguments and checks them. Uses LibTorch but not CUDA, so that tests can compute with the
// same arguments on the CPU. Throws c10::Error if shapes or types differ from those of `CudaPlugin`.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include <ATen/ATen.h>

#include "mnist/device/cuda_plugin.hpp"

#include "elements.hpp"

namespace mnist::cuda {

// The kernels count elements in 32 bits.
inline std::int32_t checked_count(std::int64_t count) {
  constexpr std::int64_t kBlock = 256;  // the unused threads of the last block count, too
  TORCH_CHECK(count <= std::numeric_limits<std::int32_t>::max() - kBlock, "too many elements for a kernel: ", count);
  return static_cast<std::int32_t>(count);
}

// All tensors must be contiguous and on the device of the first one.
template <class... Tensors>
void check_contiguous(const torch::Tensor& first, const Tensors&... others) {
  TORCH_CHECK(first.is_contiguous() && (others.is_contiguous() && ...), "contiguous tensors expected");
  TORCH_CHECK(((others.device() == first.device()) && ...), "tensors on one device expected");
}

inline void copy_floats(const std::vector<double>& from, float* to) {
  std::ranges::transform(from, to, [](double value) { return static_cast<float>(value); });
}

inline Gather gather_arguments(const torch::Tensor& images, const torch::Tensor& labels, const torch::Tensor& order,
                               const torch::Tensor& clock, std::int64_t batch_size, const std::vector<double>& mean,
                               const std::vector<double>& std, torch::Tensor& inputs, torch::Tensor& targets) {
  check_contiguous(images, labels, order, clock, inputs, targets);
  TORCH_CHECK(inputs.dim() == 4 && inputs.sizes().slice(1) == images.sizes().slice(1) &&
                  inputs.size(1) <= kMaxChannels && static_cast<std::size_t>(inputs.size(1)) == mean.size() &&
                  mean.size() == std.size(),
              "images and batch do not fit");
  checked_count(inputs.numel());
  Gather args = {images.const_data_ptr<std::uint8_t>(),
                 labels.const_data_ptr<std::int64_t>(),
                 order.const_data_ptr<std::int64_t>(),
                 clock.const_data_ptr<std::int64_t>(),
                 inputs.mutable_data_ptr<float>(),
                 targets.mutable_data_ptr<std::int64_t>(),
                 checked_count(inputs.size(0)),
                 batch_size,
                 checked_count(inputs.size(1)),
                 checked_count(inputs.size(2) * inputs.size(3)),
                 {},
                 {}};
  copy_floats(mean, args.mean);
  copy_floats(std, args.std);
  return args;
}

inline CropPhotos crop_arguments(const CudaPhotos& photos, const torch::Tensor& clock, std::int64_t batch_size,
                                 const std::vector<double>& mean, const std::vector<double>& std, torch::Tensor& inputs,
                                 torch::Tensor& targets) {
  check_contiguous(photos.pixels, photos.places, photos.labels, photos.order, photos.crops, clock, targets);
  TORCH_CHECK(inputs.dim() == 4 && inputs.size(1) == kColours && inputs.is_contiguous(at::MemoryFormat::ChannelsLast),
              "[N, 3, H, W] in channels last expected");
  TORCH_CHECK(photos.places.size(1) == kCudaPlaceColumns && photos.crops.size(1) == kCudaCropColumns &&
                  mean.size() == kColours && std.size() == kColours,
              "photos and batch do not fit");
  checked_count(inputs.numel());
  CropPhotos args = {photos.pixels.const_data_ptr<std::uint8_t>(),
                     photos.places.const_data_ptr<std::int64_t>(),
                     photos.labels.const_data_ptr<std::int64_t>(),
                     photos.order.const_data_ptr<std::int64_t>(),
                     photos.crops.const_data_ptr<std::int64_t>(),
                     clock.const_data_ptr<std::int64_t>(),
                     inputs.mutable_data_ptr<float>(),
                     targets.mutable_data_ptr<std::int64_t>(),
                     checked_count(inputs.size(0)),
                     batch_size,
                     checked_count(inputs.size(2)),
                     checked_count(inputs.size(3)),
                     {},
                     {}};
  copy_floats(mean, args.mean);
  copy_floats(std, args.std);
  return args;
}

inline Dropped dropped(const CudaDropout& dropout) {
  return {dropout.clock.defined() ? dropout.clock.const_data_ptr<std::int64_t>() : nullptr, philox_key(dropout.seed),
          static_cast<std::uint32_t>(dropout.layer), dropout.threshold, dropout.scale};
}

inline Pooling pooling(const torch::Tensor& x) {
  TORCH_CHECK(x.dim() == 4 && x.size(2) % 2 == 0 && x.size(3) % 2 == 0, "[N, C, H, W] with even sides expected");
  checked_count(x.numel());
  return {checked_count(x.size(0)),   checked_count(x.size(1)),   checked_count(x.size(2)),
          checked_count(x.size(3)),   checked_count(x.stride(0)), checked_count(x.stride(1)),
          checked_count(x.stride(2)), checked_count(x.stride(3))};
}

// [N, C * H/2 * W/2], of x's type or of `type`.
inline torch::Tensor pooled_of(const torch::Tensor& x, at::ScalarType type) {
  return at::empty({x.size(0), x.size(1) * (x.size(2) / 2) * (x.size(3) / 2)}, x.options().dtype(type));
}

}  // namespace mnist::cuda
