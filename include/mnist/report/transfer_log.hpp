// The lines on stdout of the transfer-learning program; it counts epochs from 0 and calls the test set "val".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mnist/train/observer.hpp"

namespace mnist {

// What the program prints before training.
struct TransferRun {
  std::string libtorch;  // version
  std::string device;    // "cuda:0"
  std::string data_dir;
  std::int64_t train_items = 0;
  std::int64_t val_items = 0;
  std::vector<std::string> class_names;
  std::string scenario;
};

// Its lines, including line breaks; lists in Python's form.
std::string transfer_header(const TransferRun& run);

// "train Loss: 0.6110 Acc: 0.7336"
std::string phase_line(const std::string& phase, double loss, double accuracy);

// "Training complete in 2m 5s"
std::string complete_line(double seconds);

// "Best val Acc: 0.947712"
std::string best_line(const Evaluation& best);

// "Last val Acc: 0.941176 (epoch 24; saved are its weights)": the accuracy of the last epoch, and whether the saved
// weights are those of the best or of the last epoch. Epochs as arguments count from 1.
std::string last_line(std::int64_t best_epoch, std::int64_t last_epoch, const Evaluation& last, bool saves_best);

// Writes each line at once: "Epoch 0/24", ten dashes, the train line, the val line, a message if this epoch is the best
// so far, then an empty line.
class TransferLog : public TrainingObserver {
 public:
  // `write` gets complete lines, including the line break.
  explicit TransferLog(std::function<void(const std::string&)> write) : write_(std::move(write)) {}

  void epoch_started(std::int64_t epoch, std::int64_t epochs) override;
  void training_done(const TrainingReport& report) override;
  void epoch_done(const EpochReport& report) override;
  void resumed(const TrainingState& state) override { best_ = state.best.test.accuracy(); }

 private:
  std::function<void(const std::string&)> write_;
  double best_ = 0;
};

}  // namespace mnist
