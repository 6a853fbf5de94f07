// What a training run tells those who watch it: log readers, the progress line, the metrics files. Observers change
// nothing; they are called in order, on the training thread.
#pragma once

#include <cstdint>

#include "mnist/train/evaluate.hpp"

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

// After an epoch and its evaluation.
struct EpochReport {
  std::int64_t epoch = 0;  // from 1
  std::int64_t epochs = 0;
  double lr = 0;
  double train_seconds = 0;
  double test_seconds = 0;
  double images_per_second = 0;  // of training, without the first batch
  Evaluation test;
};

class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;

  virtual void batch_done(const BatchReport& /*report*/) {}
  virtual void interval(const IntervalReport& /*report*/) {}
  virtual void evaluating(std::int64_t /*epoch*/) {}  // the epoch's batches are done, its evaluation begins
  virtual void epoch_done(const EpochReport& /*report*/) {}
};

}  // namespace mnist
