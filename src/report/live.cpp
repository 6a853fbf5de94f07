#include "mnist/report/live.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/status_line.hpp"
#include "mnist/core/text.hpp"
#include "mnist/report/progress.hpp"

namespace mnist {
namespace {

constexpr std::size_t kMostStepPoints = 4096;

// The value that the share of the sorted values is not above.
double quantile(const std::vector<TextPoint>& points, double share, double otherwise) {
  std::vector<double> values;
  values.reserve(points.size());
  for (const TextPoint& point : points) {
    if (std::isfinite(point.y)) values.push_back(point.y);
  }
  if (values.empty()) return otherwise;
  const auto nth = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + nth);
  return values[static_cast<std::size_t>(nth)];
}

std::string steps_text(double steps) {
  return counted(std::llround(steps), "step");
}

// The first losses are so high that they would flatten the others: 2 % may lie above.
TextPlot loss_plot(const LiveFigures& figures) {
  constexpr double kFlattens = 8;  // losses so many times higher are cut off
  TextPlot plot{.title = "loss  train, o test",
                .curve = figures.losses.points(),
                .marks = figures.test_losses,
                .last_x = figures.steps,
                .lowest_text = "0",
                .last_text = steps_text(figures.steps)};
  constexpr double kShown = 0.98;
  const double shown = std::max(quantile(plot.curve, kShown, 0), quantile(plot.marks, 1, 0));
  const double highest = quantile(plot.curve, 1, 0);
  plot.highest = highest <= kFlattens * shown ? std::max(highest, shown) : shown;
  if (!(plot.highest > 0)) plot.highest = 1;
  plot.highest_text = fmt::format("{:.3g}", plot.highest);
  return plot;
}

TextPlot accuracy_plot(const LiveFigures& figures) {
  TextPlot plot{.title = "accuracy  train, o test",
                .curve = figures.accuracies.points(),
                .marks = figures.test_accuracies,
                .last_x = figures.steps,
                .highest_text = "100 %",
                .last_text = steps_text(figures.steps)};
  constexpr double kBelow = 0.02;
  constexpr double kSteps = 10;
  constexpr double kLeastRange = 0.1;
  const double lowest = std::min(quantile(plot.curve, kBelow, 0), quantile(plot.marks, 0, 1));
  plot.lowest = std::clamp(std::floor(lowest * kSteps) / kSteps, 0.0, 1 - kLeastRange);
  plot.lowest_text = fmt::format("{:.0f} %", 100 * plot.lowest);
  return plot;
}

struct TableColumn {
  const char* title;
  std::size_t width;
  std::string (*text)(const EpochRow&);
};

std::string percent_figure(double share) {
  return fmt::format("{:.2f} %", 100 * share);
}

// The most important ones first: on a narrow terminal the last ones are left out.
constexpr TableColumn kTable[] = {
    {"train loss", 10, [](const EpochRow& row) { return fmt::format("{:.4f}", row.train_loss); }},
    {"train acc", 9, [](const EpochRow& row) { return percent_figure(row.train_accuracy); }},
    {"test loss", 9, [](const EpochRow& row) { return fmt::format("{:.4f}", row.test_loss); }},
    {"test acc", 8, [](const EpochRow& row) { return percent_figure(row.test_accuracy); }},
    {"time", 7,
     [](const EpochRow& row) {
       return row.train_seconds ? short_duration(*row.train_seconds + row.test_seconds.value_or(0)) : std::string("-");
     }},
    {"lr", 9, [](const EpochRow& row) { return fmt::format("{:.3g}", row.lr); }},
};

std::vector<std::string> table_lines(const LiveFigures& figures, std::size_t count, std::size_t columns,
                                     std::int64_t first_epoch) {
  constexpr const char* kBetween = "  ";
  constexpr std::size_t kEpoch = 5;
  const std::size_t shown = std::min(count, figures.epochs.size());
  std::vector<std::string> lines(1 + shown);
  const auto* const first = figures.epochs.data() + (figures.epochs.size() - shown);
  lines[0] = padded("epoch", kEpoch, Align::right);
  for (std::size_t i = 0; i < shown; ++i) {
    lines[i + 1] = padded(std::to_string(first[i].epoch - 1 + first_epoch), kEpoch, Align::right);
  }
  std::size_t used = kEpoch;
  for (const TableColumn& column : kTable) {
    used += 2 + column.width;
    if (used > columns) break;
    lines[0].append(kBetween).append(padded(column.title, column.width, Align::right));
    for (std::size_t i = 0; i < shown; ++i) {
      lines[i + 1].append(kBetween).append(padded(column.text(first[i]), column.width, Align::right));
    }
  }
  for (std::string& line : lines) line = line.substr(0, std::max(columns, kEpoch));
  return lines;
}

}  // namespace

void StepSeries::add(double step, double value) {
  if (!std::isfinite(value)) return;
  if (in_last_ == 0 || in_last_ >= merged_) {
    if (points_.size() >= kMostStepPoints) {
      for (std::size_t i = 0; i < points_.size() / 2; ++i) {
        points_[i] = {points_[2 * i + 1].x, (points_[2 * i].y + points_[2 * i + 1].y) / 2};
      }
      points_.resize(points_.size() / 2);
      merged_ *= 2;
    }
    points_.push_back({step, value});
    in_last_ = 1;
    return;
  }
  ++in_last_;
  TextPoint& last = points_.back();
  last = {step, last.y + (value - last.y) / static_cast<double>(in_last_)};
}

std::vector<std::string> live_lines(const LiveFigures& figures, const std::string& progress, int columns, int rows,
                                    bool utf8, std::int64_t first_epoch) {
  if (columns < kLiveColumns || rows < kLiveRows) return {};
  constexpr int kApart = 2;
  constexpr int kHighestPlot = 14;
  const int width = columns - kStatusMargin;
  const int free = rows * 3 / 5 - 2;  // without the table's head and the progress
  const int epochs = std::clamp((free - 2) / 3, 1, 5);
  const int height = std::min(free - epochs, kHighestPlot);
  const int half = (width - kApart) / 2;
  const std::vector<std::string> left = plot_lines(loss_plot(figures), half, height, utf8);
  const std::vector<std::string> right = plot_lines(accuracy_plot(figures), half, height, utf8);
  std::vector<std::string> lines;
  lines.reserve(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    lines.push_back(fmt::format("{}  {}", padded(left[i], static_cast<std::size_t>(half)), right[i]));
  }
  for (std::string& line :
       table_lines(figures, static_cast<std::size_t>(epochs), static_cast<std::size_t>(width), first_epoch)) {
    lines.push_back(std::move(line));
  }
  lines.push_back(progress);
  return lines;
}

void LiveCollector::restore(const RunRecord& run) {
  for (const StepRow& row : run.steps) figures_.losses.add(static_cast<double>(row.step + 1), row.loss);
  figures_.epochs = run.epochs;
}

void LiveCollector::interval(const IntervalReport& report) {
  figures_.steps = static_cast<double>(report.step + 1);
  figures_.losses.add(figures_.steps, report.loss);
  figures_.accuracies.add(figures_.steps, report.accuracy);
}

void LiveCollector::training_done(const TrainingReport& report) {
  figures_.steps = static_cast<double>(report.batch_losses.size()) * static_cast<double>(report.epoch);
}

void LiveCollector::epoch_done(const EpochReport& report) {
  const TrainingReport& train = report.train;
  figures_.steps = static_cast<double>(train.batch_losses.size()) * static_cast<double>(train.epoch);
  figures_.test_losses.push_back({figures_.steps, report.test.loss});
  figures_.test_accuracies.push_back({figures_.steps, report.test.accuracy()});
  figures_.epochs.push_back({.epoch = train.epoch,
                             .lr = train.lr,
                             .train_loss = train.loss,
                             .train_accuracy = train.accuracy(),
                             .test_loss = report.test.loss,
                             .test_accuracy = report.test.accuracy(),
                             .train_seconds = train.seconds,
                             .test_seconds = report.test_seconds});
}

void LiveCollector::resumed(const TrainingState& state) {
  const auto begin = static_cast<double>(state.all_steps - state.step);  // of this epoch
  for (const EpochRow& row : figures_.epochs) {
    const double end = begin * static_cast<double>(row.epoch) / static_cast<double>(state.epoch - 1);
    figures_.accuracies.add(end, row.train_accuracy);
    figures_.test_losses.push_back({end, row.test_loss});
    figures_.test_accuracies.push_back({end, row.test_accuracy});
  }
  figures_.steps = static_cast<double>(state.all_steps);
}

}  // namespace mnist
