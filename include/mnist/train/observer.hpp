// What a training run tells those who watch it: log readers, the progress line, the metrics files, who keeps
// checkpoints. Observers change nothing of it; they are called in order, on the training thread.
#pragma once

#include <cstdint>
#include <vector>

#include "mnist/train/evaluate.hpp"
#include "mnist/train/training_state.hpp"

namespace mnist {

// After every batch. Without the loss: reading it would make the device wait.
struct BatchReport {
  std::int64_t epoch = 0;  // from 1
  std::int64_t epochs = 0;
  std::int64_t batch = 0;    // finished ones in this epoch, from 1
  std::int64_t batches = 0;  // an epoch
  std::int64_t items = 0;    // of this batch
};

// Every `log_interval` batches, for the batch that was just computed (its loss before the update).
struct IntervalReport {
  std::int64_t epoch = 0;        // from 1
  std::int64_t batch = 0;        // index in this epoch, from 0
  std::int64_t batches = 0;      // an epoch
  std::int64_t step = 0;         // index in the whole run, from 0
  std::int64_t batch_items = 0;  // of this batch
  std::int64_t items = 0;        // an epoch
  double loss = 0;               // mean of the batch
  double lr = 0;
  double images_per_second = 0;  // of this epoch so far without its first batch; 0 where unknown
};

// After the batches of an epoch, before its evaluation. What is counted was seen while the weights changed: each batch
// before its update, with dropout.
struct TrainingReport {
  std::int64_t epoch = 0;  // from 1
  std::int64_t epochs = 0;
  double lr = 0;
  double seconds = 0;
  double images_per_second = 0;  // without the first batch
  double loss = 0;               // mean an item
  std::int64_t correct = 0;
  std::int64_t total = 0;               // items looked at
  std::vector<float> batch_losses;      // means, a value a batch
  std::vector<float> batch_accuracies;  // 0..1, a value a batch
  double exposed_seconds = 0;           // of `seconds`, in this process: waited for other ranks after backward passes
};

// After an epoch and its evaluation.
struct EpochReport {
  TrainingReport train;
  double test_seconds = 0;
  Evaluation test;
  bool best = false;     // so far: more right answers than after any epoch before
  NamedTensors network;  // parameters and buffers after it; on the CPU, and never changed
};

class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;

  virtual void epoch_started(std::int64_t /*epoch*/, std::int64_t /*epochs*/) {}
  virtual void batch_done(const BatchReport& /*report*/) {}
  virtual void interval(const IntervalReport& /*report*/) {}
  virtual void training_done(const TrainingReport& /*report*/) {}  // the epoch's evaluation begins
  virtual void epoch_done(const EpochReport& /*report*/) {}

  // The run continues from here, in a new process: what was reported before this state is not reported again.
  virtual void resumed(const TrainingState& /*state*/) {}
  // A state to be kept, after all that was reported of it. Its tensors are on the CPU and never change.
  virtual void checkpoint(const TrainingState& /*state*/) {}
};

}  // namespace mnist
