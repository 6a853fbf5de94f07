// One line per epoch, for people: what --quiet prints.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "mnist/train/observer.hpp"

namespace mnist {

// "Epoch 1/14: loss 0.2067, test loss 0.0492, accuracy 98.31 %, 72.4 s, 15:41 left": the training loss, the seconds of
// training and testing, and the estimated time of the remaining epochs, which the last line omits. `first_epoch`:
// number of the first epoch. No line break at the end.
std::string epoch_line(const EpochReport& report, std::int64_t first_epoch);

class EpochLog : public TrainingObserver {
 public:
  // `write` gets complete lines, including the line break.
  EpochLog(std::int64_t first_epoch, std::function<void(const std::string&)> write)
      : first_epoch_(first_epoch), write_(std::move(write)) {}

  void epoch_done(const EpochReport& report) override { write_(epoch_line(report, first_epoch_) + "\n"); }

 private:
  std::int64_t first_epoch_;
  std::function<void(const std::string&)> write_;
};

}  // namespace mnist
