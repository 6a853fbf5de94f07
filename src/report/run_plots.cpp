#include "run_plots.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include <fmt/format.h>

namespace mnist {
namespace {

using Points = std::vector<std::pair<double, double>>;

// The place of a step on the axis of epochs: 0.5 is the middle of the first epoch. The first batch of each epoch has a
// row, so the rows tell how many batches an epoch has.
class EpochAxis {
 public:
  explicit EpochAxis(const std::vector<StepRow>& steps) {
    for (const StepRow& row : steps) first_.try_emplace(row.epoch, row.step);
    if (first_.size() > 1) {
      const auto begin = first_.begin();
      const auto next = std::next(begin);
      batches_ = static_cast<double>(next->second - begin->second) / static_cast<double>(next->first - begin->first);
    } else if (!steps.empty()) {
      const std::int64_t interval = steps.size() > 1 ? steps[1].step - steps[0].step : 1;
      batches_ = static_cast<double>(steps.back().step - steps.front().step + interval);
    }
    batches_ = std::max(batches_, 1.0);
  }

  double place(const StepRow& row) const {
    const auto inside = static_cast<double>(row.step - first_.at(row.epoch));
    return static_cast<double>(row.epoch - 1) + std::min(inside / batches_, 1.0);
  }

 private:
  std::map<std::int64_t, std::int64_t> first_;  // step, by epoch
  double batches_ = 1;
};

// At most `most` points: the mean of each group of neighbours.
Points thinned(const Points& points, std::size_t most) {
  const std::size_t group = (points.size() + most - 1) / most;
  if (group <= 1) return points;
  Points means;
  for (std::size_t begin = 0; begin < points.size(); begin += group) {
    const std::size_t end = std::min(begin + group, points.size());
    std::pair<double, double> mean;
    for (std::size_t i = begin; i < end; ++i) {
      mean.first += points[i].first / static_cast<double>(end - begin);
      mean.second += points[i].second / static_cast<double>(end - begin);
    }
    means.push_back(mean);
  }
  return means;
}

Points of_epochs(const RunRecord& run, double EpochRow::*figure) {
  Points points;
  for (const EpochRow& row : run.epochs) points.emplace_back(static_cast<double>(row.epoch), row.*figure);
  return points;
}

// The top of the loss axis: all epochs and nearly all batches fit; a few high ones would flatten the rest.
double top_of_loss(const Points& batches, const std::vector<EpochRow>& epochs) {
  std::vector<double> values;
  values.reserve(batches.size());
  for (const auto& [x, loss] : batches) values.push_back(loss);
  std::ranges::sort(values);
  constexpr double kFlattens = 8;
  double top = values.empty() ? 0 : values[(values.size() - 1) * 9 / 10];
  if (!values.empty() && values.back() <= kFlattens * top) top = values.back();
  for (const EpochRow& row : epochs) top = std::max({top, row.train_loss, row.test_loss});
  const double step = axis_step(top > 0 ? top : 1, 5);
  return step * std::ceil((top > 0 ? top : 1) / step);
}

double bottom_of_accuracy(const std::vector<EpochRow>& epochs) {
  double lowest = 1;
  for (const EpochRow& row : epochs) lowest = std::min({lowest, row.train_accuracy, row.test_accuracy});
  const double step = axis_step(std::max(1 - lowest, 0.005), 5);
  return std::max(0.0, step * std::floor(lowest / step - 1e-9));
}

Plot loss_plot(const RunRecord& run, const Points& batches, double end) {
  Plot plot{.title = "Loss", .x_label = "epoch", .x_end = end, .y_end = top_of_loss(batches, run.epochs)};
  plot.series = {{{.color = kTrainColor, .pale = true}, "single batches", batches},
                 {{kTrainColor}, "training", of_epochs(run, &EpochRow::train_loss), /*dots=*/true},
                 {{kTestColor}, "test", of_epochs(run, &EpochRow::test_loss), /*dots=*/true}};
  plot.description = "Loss of training and test by epoch";
  if (!run.epochs.empty()) {
    plot.description += fmt::format("; after the last epoch {:.4f} and {:.4f}", run.epochs.back().train_loss,
                                    run.epochs.back().test_loss);
  }
  return plot;
}

Plot accuracy_plot(const RunRecord& run, double end) {
  Plot plot{.title = "Accuracy",
            .x_label = "epoch",
            .x_end = end,
            .y_begin = bottom_of_accuracy(run.epochs),
            .percent = true};
  plot.series = {{{kTrainColor}, "training", of_epochs(run, &EpochRow::train_accuracy), /*dots=*/true},
                 {{kTestColor}, "test", of_epochs(run, &EpochRow::test_accuracy), /*dots=*/true}};
  plot.description = fmt::format("Accuracy of training and test by epoch; after the last epoch {:.2f} % and {:.2f} %",
                                 100 * run.epochs.back().train_accuracy, 100 * run.epochs.back().test_accuracy);
  return plot;
}

Plot rate_plot(const Points& rates, double top, double end) {
  const double step = axis_step(top, 5);
  return {.title = "Learning rate",
          .x_label = "epoch",
          .x_end = end,
          .y_end = step * std::ceil(top / step - 1e-9),
          .series = {{{kTrainColor}, "", rates}},
          .description = fmt::format("Learning rate by epoch, at most {:g}", top)};
}

}  // namespace

std::vector<Plot> run_plots(const RunRecord& run) {
  if (run.steps.empty() && run.epochs.empty()) return {};
  constexpr std::size_t kMostPoints = 400;
  const EpochAxis axis(run.steps);
  Points losses;
  Points rates;
  double end = 1;
  double top_rate = 0;
  for (const StepRow& row : run.steps) {
    const double x = axis.place(row);
    losses.emplace_back(x, row.loss);
    if (!rates.empty() && rates.back().second != row.lr) rates.emplace_back(x, rates.back().second);  // a stair
    rates.emplace_back(x, row.lr);
    end = std::max(end, std::ceil(x));
    top_rate = std::max(top_rate, row.lr);
  }
  if (!run.epochs.empty()) end = std::max(end, static_cast<double>(run.epochs.back().epoch));
  if (!rates.empty() && !run.epochs.empty()) {
    rates.emplace_back(std::max(rates.back().first, static_cast<double>(run.epochs.back().epoch)), rates.back().second);
  }
  std::vector<Plot> plots = {loss_plot(run, thinned(losses, kMostPoints), end)};
  if (!run.epochs.empty()) plots.push_back(accuracy_plot(run, end));
  if (top_rate > 0) plots.push_back(rate_plot(thinned(rates, kMostPoints), top_rate, end));
  return plots;
}

std::vector<Plot> comparison_plots(const std::vector<const RunRecord*>& runs) {
  std::vector<EpochRow> all;
  for (const RunRecord* run : runs) all.insert(all.end(), run->epochs.begin(), run->epochs.end());
  double end = 1;
  for (const EpochRow& row : all) end = std::max(end, static_cast<double>(row.epoch));
  Plot loss{.title = "Loss", .x_label = "epoch", .x_end = end, .y_end = top_of_loss({}, all)};
  Plot accuracy{
      .title = "Accuracy", .x_label = "epoch", .x_end = end, .y_begin = bottom_of_accuracy(all), .percent = true};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const PlotInk test{.color = i};
    const PlotInk training{.color = i, .dashed = true};
    loss.series.push_back({training, "", of_epochs(*runs[i], &EpochRow::train_loss)});
    loss.series.push_back({test, "", of_epochs(*runs[i], &EpochRow::test_loss), /*dots=*/true});
    accuracy.series.push_back({training, "", of_epochs(*runs[i], &EpochRow::train_accuracy)});
    accuracy.series.push_back({test, "", of_epochs(*runs[i], &EpochRow::test_accuracy), /*dots=*/true});
  }
  return {loss, accuracy};
}

}  // namespace mnist
