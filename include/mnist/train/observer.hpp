// The reports of a training run to its observers: log lines, progress line, metrics files, checkpoints. Observers do
// not change the run. They are called in order, on the training thread.
#pragma once

#include <cstdint>
#include <vector>

#include "mnist/train/evaluate.hpp"
#include "mnist/train/training_state.hpp"

namespace mnist {

// After every batch. Does not contain the loss, because reading it needs a device sync.
struct BatchReport {
  std::int64_t epoch = 0;  // from 1
  std::int64_t epochs = 0;
  std::int64_t batch = 0;    // finished batches of this epoch, from 1
  std::int64_t batches = 0;  // per epoch
  std::int64_t items = 0;    // of this batch
};

// Every `log_interval` batches, for the last batch (its loss before the update).
struct IntervalReport {
  std::int64_t epoch = 0;        // from 1
  std::int64_t batch = 0;        // index in this epoch, from 0
  std::int64_t batches = 0;      // per epoch
  std::int64_t step = 0;         // index in the whole run, from 0
  std::int64_t batch_items = 0;  // of this batch
  std::int64_t items = 0;        // per epoch
  double loss = 0;               // mean of the batch
  double lr = 0;
  double images_per_second = 0;  // of this epoch so far, without its first batch; 0 if unknown
  double accuracy = 0;           // of the batches since the previous report, 0..1; each before its update
};

// After the batches of an epoch, before its evaluation. Loss and correct predictions are those of training: each batch
// before its update, with dropout.
struct TrainingReport {
  std::int64_t epoch = 0;  // from 1
  std::int64_t epochs = 0;
  double lr = 0;
  double seconds = 0;
  double images_per_second = 0;  // without the first batch
  double loss = 0;               // mean per item
  std::int64_t correct = 0;
  std::int64_t total = 0;               // items
  std::vector<float> batch_losses;      // one mean per batch
  std::vector<float> batch_accuracies;  // 0..1, one value per batch
  double exposed_seconds = 0;  // part of `seconds`: waits of this process for other ranks after backward passes

  double accuracy() const { return total == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(total); }
};

// At the start of an epoch's evaluation and after each of its batches.
struct TestingReport {
  std::int64_t epoch = 0;  // from 1
  std::int64_t epochs = 0;
  std::int64_t done = 0;  // evaluated items
  std::int64_t items = 0;
};

// After an epoch and its evaluation.
struct EpochReport {
  TrainingReport train;
  double test_seconds = 0;
  Evaluation test;
  bool best = false;     // higher accuracy than after all previous epochs
  NamedTensors network;  // parameters and buffers after the epoch; on the CPU, constant
};

class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;

  virtual void epoch_started(std::int64_t /*epoch*/, std::int64_t /*epochs*/) {}
  virtual void batch_done(const BatchReport& /*report*/) {}
  virtual void interval(const IntervalReport& /*report*/) {}
  virtual void training_done(const TrainingReport& /*report*/) {}  // the epoch's evaluation begins
  virtual void testing(const TestingReport& /*report*/) {}
  virtual void epoch_done(const EpochReport& /*report*/) {}

  // The run resumes from `state` in a new process. Reports from before this state are not repeated.
  virtual void resumed(const TrainingState& /*state*/) {}
  // A state to save; called after all reports up to this state. Its tensors are on the CPU and never change.
  virtual void checkpoint(const TrainingState& /*state*/) {}
};

}  // namespace mnist
