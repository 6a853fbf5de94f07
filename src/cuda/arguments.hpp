// What the kernels are told of tensors, checked. Knows LibTorch but not CUDA: the tests compute with the same arguments
// on the CPU. Throws c10::Error for tensors of other shapes or types than `CudaPlugin` says.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include <ATen/ATen.h>

#include "mnist/device/cuda_plugin.hpp"

#include "elements.hpp"

namespace mnist::cuda {

// The kernels count elements in 32 bits.
inline std::int32_t small(std::int64_t count) {
  constexpr std::int64_t kBlock = 256;  // the last one's spare threads are counted too
  TORCH_CHECK(count <= std::numeric_limits<std::int32_t>::max() - kBlock, "too many elements for a kernel: ", count);
  return static_cast<std::int32_t>(count);
}

// All contiguous and on the device of the first.
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
  small(inputs.numel());
  Gather args = {images.const_data_ptr<std::uint8_t>(),
                 labels.const_data_ptr<std::int64_t>(),
                 order.const_data_ptr<std::int64_t>(),
                 clock.const_data_ptr<std::int64_t>(),
                 inputs.mutable_data_ptr<float>(),
                 targets.mutable_data_ptr<std::int64_t>(),
                 small(inputs.size(0)),
                 batch_size,
                 small(inputs.size(1)),
                 small(inputs.size(2) * inputs.size(3)),
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
  small(inputs.numel());
  CropPhotos args = {photos.pixels.const_data_ptr<std::uint8_t>(),
                     photos.places.const_data_ptr<std::int64_t>(),
                     photos.labels.const_data_ptr<std::int64_t>(),
                     photos.order.const_data_ptr<std::int64_t>(),
                     photos.crops.const_data_ptr<std::int64_t>(),
                     clock.const_data_ptr<std::int64_t>(),
                     inputs.mutable_data_ptr<float>(),
                     targets.mutable_data_ptr<std::int64_t>(),
                     small(inputs.size(0)),
                     batch_size,
                     small(inputs.size(2)),
                     small(inputs.size(3)),
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
  small(x.numel());
  return {small(x.size(0)),   small(x.size(1)),   small(x.size(2)),   small(x.size(3)),
          small(x.stride(0)), small(x.stride(1)), small(x.stride(2)), small(x.stride(3))};
}

// [N, C * H/2 * W/2], of x's type or of `type`.
inline torch::Tensor pooled_of(const torch::Tensor& x, at::ScalarType type) {
  return at::empty({x.size(0), x.size(1) * (x.size(2) / 2) * (x.size(3) / 2)}, x.options().dtype(type));
}

}  // namespace mnist::cuda
