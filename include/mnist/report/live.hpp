// The figures of a run on a terminal while it trains (`mnist train --live`): curves of loss and accuracy, a table of
// the last epochs, and the progress line. This module makes the lines; `progress.hpp` draws them.
//
// Everything comes from the reports of the run, so nothing is read from the device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mnist/report/braille.hpp"
#include "mnist/report/run_record.hpp"
#include "mnist/train/observer.hpp"

namespace mnist {

// The smallest terminal for the figures, in columns and lines.
inline constexpr int kLiveColumns = 60;
inline constexpr int kLiveRows = 16;

// Values over the steps of a run. If there are many, neighbours are replaced by their mean, so that drawing takes as
// long for a long run as for a short one.
class StepSeries {
 public:
  void add(double step, double value);
  const std::vector<TextPoint>& points() const { return points_; }

 private:
  std::vector<TextPoint> points_;
  std::size_t merged_ = 1;   // steps or reports per point, but for the last one
  std::size_t in_last_ = 0;  // in the last point
};

struct LiveFigures {
  StepSeries losses;                       // of training, the last batch of each interval
  StepSeries accuracies;                   // of training, the mean of each interval, 0..1
  std::vector<TextPoint> test_losses;      // x: steps
  std::vector<TextPoint> test_accuracies;  // 0..1
  std::vector<EpochRow> epochs;
  double steps = 0;  // finished ones of the run
};

// The figures with `progress` as the last line, for a terminal with so many columns and rows; each line takes at most
// `columns` - kStatusMargin. The lines take at most 60 % of the rows. Empty if the terminal is smaller than
// kLiveColumns x kLiveRows. `first_epoch`: number of the first epoch as displayed. `utf8`: else ASCII.
std::vector<std::string> live_lines(const LiveFigures& figures, const std::string& progress, int columns, int rows,
                                    bool utf8, std::int64_t first_epoch = 1);

// Collects the figures of a run.
class LiveCollector : public TrainingObserver {
 public:
  // Continues a run with its rows up to the checkpoint: the accuracy of training has one value per finished epoch.
  // `resumed` must follow.
  void restore(const RunRecord& run);

  void interval(const IntervalReport& report) override;
  void training_done(const TrainingReport& report) override;
  void epoch_done(const EpochReport& report) override;
  void resumed(const TrainingState& state) override;

  const LiveFigures& figures() const { return figures_; }

 private:
  LiveFigures figures_;
};

}  // namespace mnist
