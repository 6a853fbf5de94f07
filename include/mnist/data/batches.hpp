// The source of batches for training and evaluation, for every kind of data set: takes an order of items and returns
// batches.
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

  // Starts a pass over `order`: int64 [M] on the CPU, values in [0, size()). Random augmentation of an item is a pure
  // function of (seed, epoch, item).
  virtual void start(const torch::Tensor& order, std::int64_t epoch) = 0;

  // The batch of positions begin .. end-1 of the order, on the device.
  virtual Batch get(std::int64_t begin, std::int64_t end) = 0;

  // If the CUDA plug-in can make the batches: allocates `batch` for `rows` rows at the first call and returns true.
  // `gather` then writes the batch of the clock's step to that memory, asynchronously on the GPU.
  virtual bool prepare(std::int64_t /*rows*/, Batch& /*batch*/) { return false; }
  virtual void gather(const CudaPlugin& /*cuda*/, const torch::Tensor& /*clock*/, std::int64_t /*batch_size*/,
                      Batch& /*batch*/) {}
};

// Rotates training images by random angles of at most `degrees`; 0: no rotation.
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
  torch::Tensor angles_;  // of the order's items, if they are rotated
};

}  // namespace mnist
