// A training step on an NVIDIA GPU with the plug-in. It does not depend on the CPU, so after a few steps it is recorded
// as a CUDA graph and replayed by one call.
#pragma once

#include <memory>

#include "mnist/device/cuda_plugin.hpp"
#include "mnist/train/loop.hpp"
#include "mnist/train/step.hpp"

namespace mnist {

class CudaStep : public TrainingStep {
 public:
  // Requires `options.compute.cuda`, a single process, and no class weights, label smoothing or clipping of gradients,
  // which the plug-in does not compute.
  CudaStep(Network& network, Batches& train_set, const TrainingOptions& options);

  void start(const EpochPlan& plan, std::int64_t first) override;
  void run(const StepRows& rows) override;

 private:
  void compute(Batch& batch);

  Network& network_;
  Batches& train_set_;
  const TrainingOptions& options_;
  const CudaPlugin& cuda_;
  torch::Tensor clock_;  // int64 [2]: epoch, step
  torch::Tensor rates_;  // double [steps, kCudaRateColumns]
  // A recorded step always uses these addresses: one set for full batches, one for the last, smaller batch.
  Batch whole_;
  Batch rest_;
  bool gathers_ = false;  // the plug-in makes the batch as a part of the step
  std::int64_t steps_ = 0;
  bool record_;
  std::unique_ptr<CudaGraph> graph_;
};

}  // namespace mnist
