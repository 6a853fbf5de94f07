// The progress line on a terminal: epoch, bar, rate and time left, redrawn in place on stderr.
// Not for files and pipes: make none where stderr is not a terminal.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include "mnist/device/gpu_monitor.hpp"
#include "mnist/train/observer.hpp"

namespace mnist {

// "epoch 2/14 [=====>    ]  52 %  1,430 images/s  0:21 left", no longer than `width` columns; the bar gives way first.
// `images_per_second` and `seconds_left` below 0: not known yet. `more`: goes to the end where there is room.
std::string progress_line(std::int64_t epoch, std::int64_t epochs, double fraction, double images_per_second,
                          double seconds_left, int width, const std::string& more = "");

// "0:21", "12:05", "1:02:09".
std::string short_duration(double seconds);

// First among the observers: it takes its line off the terminal before others write theirs.
class ProgressLine : public TrainingObserver {
 public:
  // `gpu`: tells what the GPU in use is doing, where there is one; asked once a second at most.
  explicit ProgressLine(std::FILE* terminal, GpuReader gpu = {}) : terminal_(terminal), gpu_(std::move(gpu)) {}
  ~ProgressLine() override { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void batch_done(const BatchReport& report) override;
  void interval(const IntervalReport& report) override;
  void training_done(const TrainingReport& report) override;
  void epoch_done(const EpochReport& report) override;

 private:
  using Clock = std::chrono::steady_clock;
  void clear();
  void draw(const std::string& line);

  std::FILE* terminal_;
  GpuReader gpu_;
  std::string gpu_text_;
  Clock::time_point gpu_read_;
  bool shown_ = false;
  Clock::time_point drawn_{};
  std::int64_t epoch_ = 0;
  Clock::time_point epoch_start_{};  // end of the first batch of this epoch that this process computed
  std::int64_t epoch_items_ = 0;     // since then
  std::int64_t epoch_batches_ = 0;   // since then
  double test_seconds_ = 0;          // of the last evaluation
};

}  // namespace mnist
