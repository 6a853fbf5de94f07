// The training loop: epochs of batches, each epoch followed by an evaluation. Read `src/train/loop.cpp` top to bottom,
// then `src/train/step.cpp`.
//
// Everything random (order of the items, dropout) is a pure function of (seed, epoch, step, row in the batch), so the
// same options on the same machine with the same number of threads give the same weights.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mnist/data/batches.hpp"
#include "mnist/device/cuda_plugin.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/model/network.hpp"
#include "mnist/train/evaluate.hpp"
#include "mnist/train/observer.hpp"
#include "mnist/train/optimizer.hpp"
#include "mnist/train/schedule.hpp"

namespace mnist {

struct TrainingOptions {
  std::int64_t epochs = 1;
  std::int64_t batch_size = 64;  // the last batch of an epoch may be smaller
  std::int64_t test_batch_size = 1000;
  std::int64_t log_interval = 10;  // batches
  std::int64_t limit_batches = 0;  // training and test batches an epoch; 0: all
  std::uint64_t seed = 1;
  OptimizerOptions optimizer;
  Schedule schedule;
  bool shuffle = true;  // another order every epoch; else the set's own
  // features: the network stays in evaluation mode and only its head is trained (BatchNorm's statistics do not move).
  Inputs inputs = Inputs::images;
  c10::Device device = c10::kCPU;  // where network and batches are
  Precision precision = Precision::fp32;
  // On an NVIDIA GPU: what steps are computed with; nullptr: LibTorch's operators, launched one by one.
  const CudaPlugin* cuda = nullptr;
  bool cuda_graphs = true;
  // Gets a sentence where something goes on otherwise than was wanted.
  std::function<void(const std::string&)> note = [](const std::string& /*sentence*/) {};
};

struct TrainingResult {
  std::int64_t epochs = 0;  // finished ones
  Evaluation test;          // after the last finished one
  bool stopped = false;     // by `stop_requested`, in the middle of an epoch
};

// Those that require gradients.
std::vector<torch::Tensor> trainable_parameters(const Network& network);

// Trains in place those parameters of `network` that require gradients. `stop_requested` is asked between two steps;
// true ends the run there. Throws an `Error` of kind diverged where the loss is no finite number: the weights are of no
// use then.
TrainingResult train(Network& network, Batches& train_set, Batches& test_set, const TrainingOptions& options,
                     const std::vector<TrainingObserver*>& observers, const std::function<bool()>& stop_requested);

}  // namespace mnist
