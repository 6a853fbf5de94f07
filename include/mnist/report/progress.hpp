// The progress of a run in the status of a terminal (`core/status_line.hpp`): number of files read; epoch, bar, loss,
// accuracy, speed, remaining time and memory; on request the figures of the run above that line (`live.hpp`).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mnist/core/status_line.hpp"
#include "mnist/device/gpu_monitor.hpp"
#include "mnist/report/live.hpp"
#include "mnist/train/count_speed.hpp"
#include "mnist/train/observer.hpp"

namespace mnist {

struct ProgressFigures {
  std::int64_t epoch = 0;  // as displayed, like `epochs`
  std::int64_t epochs = 0;
  double fraction = 0;             // of the epoch's batches
  std::optional<double> loss;      // of training, the newest known
  std::optional<double> accuracy;  // of training, 0..1
  double images_per_second = -1;   // below 0: unknown
  double seconds_left = -1;        // below 0: unknown
  std::string memory;              // empty: unknown
};

// "epoch 2/14 [===>  ]  52 %  loss 0.123  acc 97.8 %  1,430 images/s  0:21 left  612 MiB", at most `width` columns. As
// the line becomes narrower, the bar becomes shorter; then these are left out: memory, bar, accuracy, images per
// second, the word "epoch", loss, time left. 77 columns have all but the memory, 37 have the loss and the time left.
std::string progress_line(const ProgressFigures& figures, int width);

// "0:21", "12:05", "1:02:09".
std::string short_duration(double seconds);

// "reading photos 1,200/3,872  410 images/s  0:07 left", at most `width` columns if the count fits into them. As the
// line becomes narrower, images per second are left out, then the time. 0: they are unknown.
std::string count_line(const std::string& what, std::int64_t done, std::int64_t all, double images_per_second,
                       int width);

// `count_line`, drawn from construction (without numbers) to destruction.
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
  CountSpeed speed_;
  std::chrono::steady_clock::time_point drawn_{};
};

// What `ProgressLine` draws above its line.
struct LiveOptions {
  bool utf8 = true;                              // the terminal shows UTF-8; else ASCII
  std::function<void(const std::string&)> note;  // told once if the terminal is too small: only the line is drawn
};

// Add it after the observer that writes the lines of the epoch: these are written above it.
class ProgressLine : public TrainingObserver {
 public:
  // `first_epoch`: number of the first epoch, 1 or 0. `gpu`: returns the figures of the GPU in use, if any; called at
  // most once per second. `live`: also draw the figures of the run, at most four times a second. They stay on the
  // terminal when the line goes away.
  explicit ProgressLine(StatusLine& status, std::int64_t first_epoch = 1, GpuReader gpu = {},
                        std::optional<LiveOptions> live = std::nullopt)
      : status_(status), first_epoch_(first_epoch), gpu_(std::move(gpu)), live_(std::move(live)) {}
  ~ProgressLine() override;
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Continues the figures of a resumed run.
  void restore(const RunRecord& run);

  void epoch_started(std::int64_t epoch, std::int64_t epochs) override;
  void batch_done(const BatchReport& report) override;
  void interval(const IntervalReport& report) override;
  void training_done(const TrainingReport& report) override;
  void testing(const TestingReport& report) override;
  void epoch_done(const EpochReport& report) override;
  void resumed(const TrainingState& state) override;

 private:
  using Clock = std::chrono::steady_clock;
  std::int64_t called(std::int64_t epoch) const { return epoch - 1 + first_epoch_; }
  void count(const BatchReport& report, Clock::time_point now);
  void measure(const BatchReport& report, Clock::time_point now);
  void draw(const std::string& line);

  StatusLine& status_;
  std::int64_t first_epoch_;
  GpuReader gpu_;
  std::optional<LiveOptions> live_;
  bool noted_ = false;
  LiveCollector collector_;  // unused without `live_`
  ProgressFigures figures_;
  Clock::time_point memory_read_;
  Clock::time_point drawn_{};
  std::int64_t epoch_ = 0;
  Clock::time_point epoch_start_{};  // end of the first batch of this epoch that this process computed
  std::int64_t epoch_items_ = 0;     // since then
  std::int64_t epoch_batches_ = 0;   // since then
  double test_seconds_ = 0;          // of the last evaluation
  CountSpeed test_speed_;            // of the present evaluation
};

}  // namespace mnist
