// One step of training: the batch, the forward pass and the loss, the backward pass, the update. The loop
// (`loop.hpp`) only says which step; what kind of machine does it, and how, is decided here.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/types.h>

#include "mnist/data/batches.hpp"
#include "mnist/distributed/communicator.hpp"
#include "mnist/model/network.hpp"
#include "mnist/train/gradient_sum.hpp"
#include "mnist/train/optimizer.hpp"

namespace mnist {

struct TrainingOptions;

// The steps of one epoch.
struct EpochPlan {
  std::int64_t epoch = 1;     // from 1
  torch::Tensor order;        // int64 [M] on the CPU: this rank's items of its batches in a row
  std::vector<double> rates;  // the learning rate of each of its steps
  std::int64_t before = 0;    // steps of the epochs before it
};

// What a rank computes of a step's batch.
struct StepRows {
  std::int64_t step = 0;   // of the epoch, from 0
  std::int64_t batch = 0;  // rows of the whole batch, on all ranks
  Rows own;                // this rank's of them
  std::int64_t begin = 0;  // where these stand in the plan's order

  std::int64_t end() const { return begin + own.count(); }
  // Of the batch: what this rank's mean counts in the batch's.
  double share() const { return static_cast<double>(own.count()) / static_cast<double>(batch); }
};

class TrainingStep {
 public:
  virtual ~TrainingStep() = default;

  // Begins an epoch at its step `first`, counted from 0: those before it are done, in another process.
  virtual void start(const EpochPlan& plan, std::int64_t first) = 0;

  // One step, on all ranks. May return before the device is done.
  virtual void run(const StepRows& rows) = 0;

  // Of the steps begin .. end-1 of the epoch, on the CPU: float [end - begin], the mean loss of each whole batch before
  // its update, and the number of right answers. Waits for the device.
  torch::Tensor losses(std::int64_t begin, std::int64_t end) const { return part(losses_, begin, end); }
  torch::Tensor correct(std::int64_t begin, std::int64_t end) const { return part(correct_, begin, end); }
  double loss(std::int64_t step) const { return losses_.select(0, step).item<double>(); }

  // Puts in, after `start`, what other processes found in the first steps of this epoch.
  void set_figures(const torch::Tensor& losses, const torch::Tensor& correct);

  Optimizer& optimizer() { return *optimizer_; }

  // Seconds, of all steps, that the gradients of other ranks were waited for after the backward pass.
  double exposed_seconds() const { return gradients_.exposed_seconds(); }

 protected:
  TrainingStep(Network& network, const TrainingOptions& options);

  static torch::Tensor part(const torch::Tensor& all, std::int64_t begin, std::int64_t end) {
    return all.slice(0, begin, end).to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
  }

  std::shared_ptr<Communicator> ranks_;
  std::unique_ptr<Optimizer> optimizer_;
  GradientSum gradients_;
  // Kept on the device: reading a number there would make it wait.
  torch::Tensor losses_;   // float [steps]
  torch::Tensor correct_;  // float [steps]
};

// Keeps references: `network` and `train_set` outlive the step. Trains those parameters that require gradients.
std::unique_ptr<TrainingStep> make_training_step(Network& network, Batches& train_set, const TrainingOptions& options);

}  // namespace mnist
