// The lines on stdout that readers of the Python programs' logs expect, byte for byte (pytorch/examples,
// mnist/main.py).
#pragma once

#include <functional>
#include <string>

#include "mnist/train/observer.hpp"

namespace mnist {

// "Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.100000", no line break at the end. The count is, as there, the batch's
// index times the size of this batch.
std::string train_line(const IntervalReport& report);

// "Test set: Average loss: 0.0492, Accuracy: 9831/10000 (98%)", no line breaks around it.
std::string test_line(const Evaluation& evaluation);

// Hands each line on as it comes about; the test line with an empty line before and after it.
class ReferenceLog : public TrainingObserver {
 public:
  // `write` gets whole lines, each with its line break.
  explicit ReferenceLog(std::function<void(const std::string&)> write) : write_(std::move(write)) {}

  void interval(const IntervalReport& report) override;
  void epoch_done(const EpochReport& report) override;

 private:
  std::function<void(const std::string&)> write_;
};

}  // namespace mnist
