// A line for each epoch, for people: what --quiet leaves of a run's lines.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "mnist/train/observer.hpp"

namespace mnist {

// "Epoch 1/14: loss 0.2067, test loss 0.0492, accuracy 98.31 %, 72.4 s, 15:41 left": the training loss, the seconds of
// training and testing, and what the epochs to come take if each takes as long; of the last one without that.
// `first_epoch`: what the first epoch is called. No line break at the end.
std::string epoch_line(const EpochReport& report, std::int64_t first_epoch);

class EpochLog : public TrainingObserver {
 public:
  // `write` gets whole lines, each with its line break.
  EpochLog(std::int64_t first_epoch, std::function<void(const std::string&)> write)
      : first_epoch_(first_epoch), write_(std::move(write)) {}

  void epoch_done(const EpochReport& report) override { write_(epoch_line(report, first_epoch_) + "\n"); }

 private:
  std::int64_t first_epoch_;
  std::function<void(const std::string&)> write_;
};

}  // namespace mnist
