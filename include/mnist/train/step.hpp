// One training step: batch, forward pass, loss, backward pass, update. The loop (`loop.hpp`) says which step to run;
// this module decides how it runs on the device.
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
  torch::Tensor order;        // int64 [M] on the CPU: this rank's items of all batches, one batch after the other
  std::vector<double> rates;  // the learning rate of each step
  std::int64_t before = 0;    // steps of all previous epochs
};

// The rows of a step's batch that this rank computes.
struct StepRows {
  std::int64_t step = 0;   // of the epoch, from 0
  std::int64_t batch = 0;  // rows of the whole batch, over all ranks
  Rows own;                // this rank's rows of the batch
  std::int64_t begin = 0;  // position of the first own row in the plan's order

  std::int64_t end() const { return begin + own.count(); }
  // This rank's share of the batch: the weight of its mean in the mean of the batch.
  double share() const { return static_cast<double>(own.count()) / static_cast<double>(batch); }
};

class TrainingStep {
 public:
  virtual ~TrainingStep() = default;

  // Starts an epoch at step `first`, counted from 0; another process did the steps before it.
  virtual void start(const EpochPlan& plan, std::int64_t first) = 0;

  // Runs one step; call it on all ranks. May return before the device has finished.
  virtual void run(const StepRows& rows) = 0;

  // Figures of the steps begin .. end-1 of the epoch, float [end - begin] on the CPU: the mean loss of each whole batch
  // before its update, and the number of correct predictions. Needs a device sync.
  torch::Tensor losses(std::int64_t begin, std::int64_t end) const { return part(losses_, begin, end); }
  torch::Tensor correct(std::int64_t begin, std::int64_t end) const { return part(correct_, begin, end); }

  // Sets the figures of the epoch's first steps, which another process computed. Call it after `start`.
  void set_figures(const torch::Tensor& losses, const torch::Tensor& correct);

  Optimizer& optimizer() { return *optimizer_; }

  // Total seconds of waiting for gradients of other ranks after backward passes.
  double exposed_seconds() const { return gradients_.exposed_seconds(); }

 protected:
  TrainingStep(Network& network, const TrainingOptions& options);

  static torch::Tensor part(const torch::Tensor& all, std::int64_t begin, std::int64_t end) {
    return all.slice(0, begin, end).to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
  }

  std::shared_ptr<Communicator> ranks_;
  std::unique_ptr<Optimizer> optimizer_;
  GradientSum gradients_;
  // On the device: reading a value needs a device sync.
  torch::Tensor losses_;   // float [steps]
  torch::Tensor correct_;  // float [steps]
};

// Keeps references: all arguments must outlive the step. Trains the parameters that require gradients. Throws a usage
// `Error` if a class weight is not finite or negative, or all are 0.
std::unique_ptr<TrainingStep> make_training_step(Network& network, Batches& train_set, const TrainingOptions& options);

}  // namespace mnist
