// One step of training: the batch, the forward pass and the loss, the backward pass, the update. The loop
// (`loop.hpp`) only says which step; what kind of machine does it, and how, is decided here.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "mnist/data/batches.hpp"
#include "mnist/model/network.hpp"
#include "mnist/train/optimizer.hpp"

namespace mnist {

struct TrainingOptions;

// The steps of one epoch.
struct EpochPlan {
  std::int64_t epoch = 1;     // from 1
  torch::Tensor order;        // int64 [M] on the CPU: the items of its batches in a row
  std::vector<double> rates;  // the learning rate of each of its steps
  std::int64_t before = 0;    // steps of the epochs before it
};

class TrainingStep {
 public:
  virtual ~TrainingStep() = default;

  // Begins an epoch at its step `first`, counted from 0: those before it are done, in another process.
  virtual void start(const EpochPlan& plan, std::int64_t first) = 0;

  // Step `step` of the epoch, counted from 0: positions begin .. end-1 of the order. May return before the device is
  // done.
  virtual void run(std::int64_t step, std::int64_t begin, std::int64_t end) = 0;

  // Of the steps begin .. end-1 of the epoch, on the CPU: float [end - begin], the mean loss of each batch before its
  // update, and the number of right answers. Waits for the device.
  torch::Tensor losses(std::int64_t begin, std::int64_t end) const { return part(losses_, begin, end); }
  torch::Tensor correct(std::int64_t begin, std::int64_t end) const { return part(correct_, begin, end); }
  double loss(std::int64_t step) const { return losses_.select(0, step).item<double>(); }

  // Puts in, after `start`, what other processes found in the first steps of this epoch.
  void set_figures(const torch::Tensor& losses, const torch::Tensor& correct);

  Optimizer& optimizer() { return *optimizer_; }

 protected:
  explicit TrainingStep(std::unique_ptr<Optimizer> optimizer) : optimizer_(std::move(optimizer)) {}

  static torch::Tensor part(const torch::Tensor& all, std::int64_t begin, std::int64_t end) {
    return all.slice(0, begin, end).to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
  }

  std::unique_ptr<Optimizer> optimizer_;
  // Kept on the device: reading a number there would make it wait.
  torch::Tensor losses_;   // float [steps]
  torch::Tensor correct_;  // float [steps]
};

// Keeps references: `network` and `train_set` outlive the step. Trains those parameters that require gradients.
std::unique_ptr<TrainingStep> make_training_step(Network& network, Batches& train_set, const TrainingOptions& options);

}  // namespace mnist
