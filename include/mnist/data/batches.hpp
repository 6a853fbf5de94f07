// Where the training loop and the evaluation get their batches from, whatever the data set: an order of items goes in,
// batches of it come out.
#pragma once

#include <cstdint>
#include <utility>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/device/cuda_plugin.hpp"

namespace mnist {

class Batches {
 public:
  virtual ~Batches() = default;

  // Items in the data set.
  virtual std::int64_t size() const = 0;

  // Begins a pass over `order`: int64 [M] on the CPU, each in [0, size()). Where items are changed at random, how is a
  // pure function of (seed, epoch, item).
  virtual void start(const torch::Tensor& order, std::int64_t epoch) = 0;

  // Positions begin .. end-1 of the order, on the device.
  virtual Batch get(std::int64_t begin, std::int64_t end) = 0;

  // Where the plug-in can make the batches on a GPU: gives `batch` the memory for so many rows, the first time, and
  // returns true. `gather` then puts the batch of the clock's step into that memory, when the GPU gets there.
  virtual bool prepare(std::int64_t /*rows*/, Batch& /*batch*/) { return false; }
  virtual void gather(const CudaPlugin& /*cuda*/, const torch::Tensor& /*clock*/, std::int64_t /*batch_size*/,
                      Batch& /*batch*/) {}
};

// Training images are turned by random angles up to so many degrees; 0: none is.
struct RandomRotation {
  double degrees = 0;
  std::uint64_t seed = 0;
};

// Batches of a data set that is resident on a device.
class ResidentBatches : public Batches {
 public:
  ResidentBatches(Dataset dataset, Preprocessing preprocessing, const RandomRotation& rotation = {})
      : dataset_(std::move(dataset)), preprocessing_(std::move(preprocessing)), rotation_(rotation) {}

  std::int64_t size() const override { return dataset_.size(); }
  void start(const torch::Tensor& order, std::int64_t epoch) override;
  Batch get(std::int64_t begin, std::int64_t end) override;
  bool prepare(std::int64_t rows, Batch& batch) override;
  void gather(const CudaPlugin& cuda, const torch::Tensor& clock, std::int64_t batch_size, Batch& batch) override;

 private:
  Dataset dataset_;
  Preprocessing preprocessing_;
  RandomRotation rotation_;
  torch::Tensor order_;   // on the data set's device
  torch::Tensor angles_;  // of the order's items, where they are turned
};

}  // namespace mnist
