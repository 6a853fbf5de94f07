// The progress of a run on the status line of a terminal (`core/status_line.hpp`): number of files read; epoch, bar,
// speed and remaining time.
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

// "epoch 2/14 [=====>    ]  52 %  1,430 images/s  0:21 left", at most `width` columns; the bar is omitted first.
// `epoch` and `epochs`: as displayed. `images_per_second` and `seconds_left` below 0: unknown. `more`:
// text for the end, if there is space.
std::string progress_line(std::int64_t epoch, std::int64_t epochs, double fraction, double images_per_second,
                          double seconds_left, int width, const std::string& more = "");

// "0:21", "12:05", "1:02:09".
std::string short_duration(double seconds);

// "reading photos 1,200/3,872", drawn from construction (without numbers) to destruction.
class CountLine {
 public:
  CountLine(StatusLine& status, std::string what);
  ~CountLine() { status_.clear(); }
  CountLine(const CountLine&) = delete;
  CountLine& operator=(const CountLine&) = delete;

  // Thread-safe.
  void count(std::int64_t done, std::int64_t all);

 private:
  StatusLine& status_;
  std::string what_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point drawn_{};
};

// Add it after the observer that writes the lines of the epoch, because these erase the status line.
class ProgressLine : public TrainingObserver {
 public:
  // `first_epoch`: number of the first epoch, 1 or 0. `gpu`: returns the figures of the GPU in use, if any; called at
  // most once per second.
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
