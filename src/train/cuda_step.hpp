// A step on an NVIDIA GPU with the plug-in: nothing of it needs the CPU, so that after a few steps it is recorded as a
// CUDA graph and repeated by one call.
#pragma once

#include <memory>

#include "mnist/device/cuda_plugin.hpp"
#include "mnist/train/loop.hpp"
#include "mnist/train/step.hpp"

namespace mnist {

class CudaStep : public TrainingStep {
 public:
  // options.compute.cuda is not nullptr; one process alone.
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
  // A recorded step reads and writes these addresses for ever: of whole batches, and of the last, smaller one.
  Batch whole_;
  Batch rest_;
  bool gathers_ = false;  // the plug-in makes the batch, as part of the step
  std::int64_t steps_ = 0;
  bool record_;
  std::unique_ptr<CudaGraph> graph_;
};

}  // namespace mnist
