// What is drawn on the status line of a terminal (`core/status_line.hpp`) while a run goes on: how many files are read;
// epoch, bar, rate and time left.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "mnist/core/status_line.hpp"
#include "mnist/device/gpu_monitor.hpp"
#include "mnist/train/observer.hpp"

namespace mnist {

// "epoch 2/14 [=====>    ]  52 %  1,430 images/s  0:21 left", no longer than `width` columns; the bar gives way first.
// `epoch` and `epochs` as they are to be read. `images_per_second` and `seconds_left` below 0: not known yet. `more`:
// goes to the end where there is room.
std::string progress_line(std::int64_t epoch, std::int64_t epochs, double fraction, double images_per_second,
                          double seconds_left, int width, const std::string& more = "");

// "0:21", "12:05", "1:02:09".
std::string short_duration(double seconds);

// "reading photos 1,200/3,872", from its construction, without the numbers, to its end.
class CountLine {
 public:
  CountLine(StatusLine& status, std::string what);
  ~CountLine() { status_.clear(); }
  CountLine(const CountLine&) = delete;
  CountLine& operator=(const CountLine&) = delete;

  // By any thread.
  void count(std::int64_t done, std::int64_t all);

 private:
  StatusLine& status_;
  std::string what_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point drawn_{};
};

// After the observer that writes the lines of the same epoch: those take it off the terminal.
class ProgressLine : public TrainingObserver {
 public:
  // `first_epoch`: what the first epoch is called, 1 or 0. `gpu`: tells what the GPU in use is doing, where there is
  // one; asked once a second at most.
  explicit ProgressLine(StatusLine& status, std::int64_t first_epoch = 1, GpuReader gpu = {})
      : status_(status), first_epoch_(first_epoch), gpu_(std::move(gpu)) {}
  ~ProgressLine() override { status_.clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void batch_done(const BatchReport& report) override;
  void interval(const IntervalReport& report) override;
  void training_done(const TrainingReport& report) override;
  void epoch_done(const EpochReport& report) override;

 private:
  using Clock = std::chrono::steady_clock;
  std::int64_t called(std::int64_t epoch) const { return epoch - 1 + first_epoch_; }

  StatusLine& status_;
  std::int64_t first_epoch_;
  GpuReader gpu_;
  std::string gpu_text_;
  Clock::time_point gpu_read_;
  Clock::time_point drawn_{};
  std::int64_t epoch_ = 0;
  Clock::time_point epoch_start_{};  // end of the first batch of this epoch that this process computed
  std::int64_t epoch_items_ = 0;     // since then
  std::int64_t epoch_batches_ = 0;   // since then
  double test_seconds_ = 0;          // of the last evaluation
};

}  // namespace mnist
