// Dropout whose masks are a pure function of (seed, epoch, step, row of the batch): no generator state, so that a
// resumed run, a run on another device, or one with another number of threads drops the same elements.
//
// Element e (counted in [C, H, W] order within one item, whatever the memory layout) of the item in row r of the batch
// is kept where its 16-bit number is at least p * 65536: lane e % 8 of Philox(counter = (e / 8, r, step, epoch * 256 +
// layer), key = seed), lanes counted from the low half of word 0. Part of what makes runs repeatable: never change it.
// Kept elements are scaled by 1 / (1 - p), as in torch.nn.Dropout (Srivastava et al., JMLR 15, 2014).
#pragma once

#include <cstdint>

#include <torch/types.h>

namespace mnist {

class Dropout {
 public:
  // Drops nothing: evaluation and inference.
  static Dropout off() { return Dropout(); }

  // For one training step. `epoch` counts from 1, `step` from 0 within the epoch.
  Dropout(std::uint64_t seed, std::int64_t epoch, std::int64_t step)
      : active_(true), seed_(seed), epoch_(epoch), step_(step) {}

  // `x`: [N, ...], any float type and device. `p`: share dropped, 0 <= p < 1. `layer`: 0..255, another for every use
  // within a network.
  torch::Tensor operator()(const torch::Tensor& x, double p, int layer) const;

 private:
  Dropout() = default;

  bool active_ = false;
  std::uint64_t seed_ = 0;
  std::int64_t epoch_ = 0;
  std::int64_t step_ = 0;
};

}  // namespace mnist
