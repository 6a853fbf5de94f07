// All that a run needs to continue bit for bit, between any two of its steps. Everything random (order, crops,
// rotation, dropout) and the learning rate are pure functions of (seed, epoch, step, item), so no generator is in here.
//
// On disk: `checkpoint.hpp`.
#pragma once

#include <cstdint>

#include <torch/types.h>

#include "mnist/format/named_tensors.hpp"
#include "mnist/train/evaluate.hpp"

namespace mnist {

// The epoch with the highest accuracy on the test set, the first of equals.
struct BestEpoch {
  std::int64_t epoch = 0;  // from 1; 0: no epoch is finished
  Evaluation test;
  NamedTensors network;  // parameters and buffers after it
};

struct TrainingState {
  std::int64_t epoch = 1;      // the one in progress, from 1; one more than there are: the run is finished
  std::int64_t step = 0;       // steps of it that are done
  bool evaluating = false;     // all of them are, and its training was reported: its evaluation is next
  std::int64_t all_steps = 0;  // done in all epochs

  NamedTensors network;    // parameters and buffers
  NamedTensors optimizer;  // `Optimizer::state`
  NamedTensors average;    // `AveragedWeights::state`; empty: there is no average

  // Of the steps of this epoch that are done: float [step].
  torch::Tensor losses;   // mean of each batch
  torch::Tensor correct;  // right answers in each batch

  Evaluation test;  // of the last finished epoch
  BestEpoch best;

  double epoch_seconds = 0;  // training in this epoch so far, in all processes
  double seconds = 0;        // the run so far, in all processes
};

}  // namespace mnist
