// Dropout with masks that are a pure function of (seed, epoch, step, row of the batch). There is no generator state: a
// resumed run, a run on another device, and a run with another number of threads drop the same elements.
//
// Element e of the item in row r of the batch (counted in [C, H, W] order, whatever the memory format) is kept if its
// 16-bit number is at least p * 65536. The number is lane e % 8 of Philox(counter = (e / 8, r, step, epoch * 256 +
// layer), key = seed); lanes count from the low half of word 0. Never change this rule: runs would no longer be
// reproducible. Kept elements are scaled by 1 / (1 - p), as in torch.nn.Dropout (Srivastava et al., JMLR 15, 2014).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "mnist/device/cuda_plugin.hpp"

namespace mnist {

// The dropout of one layer in one training step.
class DropoutLayer {
 public:
  // Drops nothing.
  DropoutLayer() = default;

  bool active() const { return scale_ != 1; }
  float scale() const { return scale_; }  // factor of kept elements

  // Sets kept[i] to 1 if element i of item `row` is kept, else to 0, for all elements of `kept`.
  void keep(std::int64_t row, std::vector<std::uint8_t>& kept) const;

 private:
  friend class Dropout;

  std::uint64_t seed_ = 0;
  std::int64_t epoch_ = 0;
  std::int64_t step_ = 0;
  std::int64_t first_row_ = 0;
  int layer_ = 0;
  std::uint32_t threshold_ = 0;
  float scale_ = 1;
};

class Dropout {
 public:
  // Drops nothing: for evaluation and inference.
  static Dropout off() { return Dropout(); }

  // For one training step. `epoch` counts from 1, `step` from 0 in the epoch. `first_row`: the row of the whole batch
  // that is the first item of `x`, if several processes share a batch.
  Dropout(std::uint64_t seed, std::int64_t epoch, std::int64_t step, std::int64_t first_row = 0)
      : active_(true), seed_(seed), epoch_(epoch), step_(step), first_row_(first_row) {}

  // The same on a GPU with masks from the CUDA plug-in. `clock`: int64 [2], (epoch, step), on that GPU; it is read when
  // the GPU executes the kernel.
  Dropout(std::uint64_t seed, const CudaPlugin& cuda, torch::Tensor clock)
      : active_(true), seed_(seed), cuda_(&cuda), clock_(std::move(clock)) {}

  // `p`: probability to drop an element, 0 <= p < 1. `layer`: 0..255, different for each dropout layer of a network.
  DropoutLayer layer(double p, int layer) const;

  // Applies dropout to `x`: [N, ...], any float type and device.
  torch::Tensor operator()(const torch::Tensor& x, double p, int layer) const;

  // dropout(relu(x)), fused if a fused kernel is available.
  torch::Tensor after_relu(const torch::Tensor& x, double p, int layer) const;

  // dropout(max_pool2d(relu(x), 2)), flattened to [N, features]; fused if a fused kernel is available.
  torch::Tensor after_relu_and_pool(const torch::Tensor& x, double p, int layer) const;

 private:
  Dropout() = default;
  CudaDropout on_cuda(double p, int layer) const;

  bool active_ = false;
  std::uint64_t seed_ = 0;
  std::int64_t epoch_ = 0;
  std::int64_t step_ = 0;
  std::int64_t first_row_ = 0;
  const CudaPlugin* cuda_ = nullptr;
  torch::Tensor clock_;
};

}  // namespace mnist
