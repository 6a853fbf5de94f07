// One step of training: the batch, the forward pass and the loss, the backward pass, the update. The loop
// (`loop.hpp`) only says which step; what kind of machine does it, and how, is decided here.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/types.h>

#include "mnist/data/batches.hpp"
#include "mnist/model/network.hpp"
#include "mnist/train/observer.hpp"

namespace mnist {

struct TrainingOptions;

class TrainingStep {
 public:
  virtual ~TrainingStep() = default;

  // Begins an epoch (counted from 1). order: int64 [M] on the CPU, the items of its batches in a row; rates: the
  // learning rate of each of its steps.
  virtual void start(std::int64_t epoch, const torch::Tensor& order, const std::vector<double>& rates) = 0;

  // Step `step` of the epoch, counted from 0: positions begin .. end-1 of the order. May return before the device is
  // done.
  virtual void run(std::int64_t step, std::int64_t begin, std::int64_t end) = 0;

  // The mean loss of a step's batch, before its update. Waits for the device.
  double loss(std::int64_t step) const { return losses_.select(0, step).item<double>(); }

  // What the batches of the epoch gave. `batch_size`: of each but the last, which holds what is left of `items`.
  void fill(TrainingReport& report, std::int64_t batch_size, std::int64_t items) const;

 protected:
  // Kept on the device: reading a number there would make it wait.
  torch::Tensor losses_;   // float [steps]
  torch::Tensor correct_;  // float [steps]
};

// Keeps references: `network` and `train_set` outlive the step. Trains those parameters that require gradients.
std::unique_ptr<TrainingStep> make_training_step(Network& network, Batches& train_set, const TrainingOptions& options);

}  // namespace mnist
