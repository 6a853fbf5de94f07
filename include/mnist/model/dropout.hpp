// Dropout whose masks are a pure function of (seed, epoch, step, row of the batch): no generator state, so that a
// resumed run, a run on another device, or one with another number of threads drops the same elements.
//
// Element e (counted in [C, H, W] order within one item, whatever the memory layout) of the item in row r of the batch
// is kept where its 16-bit number is at least p * 65536: lane e % 8 of Philox(counter = (e / 8, r, step, epoch * 256 +
// layer), key = seed), lanes counted from the low half of word 0. Part of what makes runs repeatable: never change it.
// Kept elements are scaled by 1 / (1 - p), as in torch.nn.Dropout (Srivastava et al., JMLR 15, 2014).
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "mnist/device/cuda_plugin.hpp"

namespace mnist {

// One use of dropout in one training step.
class DropoutLayer {
 public:
  // Drops nothing.
  DropoutLayer() = default;

  bool active() const { return scale_ != 1; }
  float scale() const { return scale_; }  // of what is kept

  // Which elements of item `row` of `x` are kept, 1 or 0, as many as `kept` has.
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
  // Drops nothing: evaluation and inference.
  static Dropout off() { return Dropout(); }

  // For one training step. `epoch` counts from 1, `step` from 0 within the epoch. `first_row`: of the whole batch,
  // which the first item of `x` is, where several processes share it.
  Dropout(std::uint64_t seed, std::int64_t epoch, std::int64_t step, std::int64_t first_row = 0)
      : active_(true), seed_(seed), epoch_(epoch), step_(step), first_row_(first_row) {}

  // The same on a GPU, where the plug-in makes the masks. `clock`: int64 [2], (epoch, step), on that GPU; what it holds
  // when the GPU gets there counts.
  Dropout(std::uint64_t seed, const CudaPlugin& cuda, torch::Tensor clock)
      : active_(true), seed_(seed), cuda_(&cuda), clock_(std::move(clock)) {}

  // `p`: share dropped, 0 <= p < 1. `layer`: 0..255, another for every use within a network.
  DropoutLayer layer(double p, int layer) const;

  // The same, applied. `x`: [N, ...], any float type and device.
  torch::Tensor operator()(const torch::Tensor& x, double p, int layer) const;

  // dropout(relu(x)), in one kernel where there is one.
  torch::Tensor after_relu(const torch::Tensor& x, double p, int layer) const;

  // dropout(max_pool2d(relu(x), 2)), flattened to [N, features]; in one kernel where there is one.
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
