// The lines on stdout as the Python program prints them, byte for byte (pytorch/examples,
// mnist/main.py).
#pragma once

#include <functional>
#include <string>

#include "mnist/train/observer.hpp"

namespace mnist {

// "Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.100000", no line break at the end. As in the Python program, the count
// is the batch's index times the size of this batch.
std::string train_line(const IntervalReport& report);

// "Test set: Average loss: 0.0492, Accuracy: 9831/10000 (98%)", no line breaks around it. `part`: of the data set.
std::string test_line(const Evaluation& evaluation, const std::string& part = "Test set");

// Writes each line at once; the test line has an empty line before and after it.
class ReferenceLog : public TrainingObserver {
 public:
  // `write` gets complete lines, including the line break.
  explicit ReferenceLog(std::function<void(const std::string&)> write) : write_(std::move(write)) {}

  void interval(const IntervalReport& report) override;
  void epoch_done(const EpochReport& report) override;

 private:
  std::function<void(const std::string&)> write_;
};

}  // namespace mnist
