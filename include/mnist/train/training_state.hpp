// Everything that a run needs to resume bit for bit, between any two steps. There is no generator state: everything
// random (order, crops, rotation, dropout) and the learning rate are pure functions of (seed, epoch, step, item).
//
// For the file see `checkpoint.hpp`.
#pragma once

#include <cstdint>

#include <torch/types.h>

#include "mnist/format/named_tensors.hpp"
#include "mnist/train/evaluate.hpp"

namespace mnist {

// The epoch with the highest accuracy on the test set; the first one of equals.
struct BestEpoch {
  std::int64_t epoch = 0;  // from 1; 0: no epoch is finished yet
  Evaluation test;
  NamedTensors network;  // parameters and buffers after it
};

struct TrainingState {
  std::int64_t epoch = 1;      // the epoch in progress, from 1; after the last epoch, the number of epochs plus 1
  std::int64_t step = 0;       // finished steps of this epoch
  bool evaluating = false;     // all steps are finished and reported; the evaluation is next
  std::int64_t all_steps = 0;  // finished steps of all epochs

  NamedTensors network;    // parameters and buffers
  NamedTensors optimizer;  // `Optimizer::state`
  NamedTensors average;    // `AveragedWeights::state`; empty if there is no average

  // Of the finished steps of this epoch: float [step].
  torch::Tensor losses;   // mean loss of each batch
  torch::Tensor correct;  // correct predictions in each batch

  Evaluation test;  // of the last finished epoch
  BestEpoch best;

  double epoch_seconds = 0;  // of training in this epoch so far, including previous processes
  double seconds = 0;        // of the run so far, including previous processes
};

}  // namespace mnist
