#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/text.hpp"
#include "mnist/report/pictures.hpp"

#include "canvas.hpp"
#include "svg_plot.hpp"

namespace mnist {
namespace {

constexpr double kWidth = 520;  // of a plot, in pixels
constexpr double kHeight = 340;
constexpr double kLeft = 64;
constexpr double kTop = 44;
constexpr double kBottom = 52;
constexpr double kRight = 20;
constexpr double kAxisText = 13;
constexpr Color kPale = {0.70, 0.80, 0.92};

// Their names in a checkpoint.
constexpr std::pair<const char*, std::vector<float> Curves::*> kCurves[] = {
    {"losses", &Curves::losses},
    {"accuracies", &Curves::accuracies},
    {"test_losses", &Curves::test_losses},
    {"test_accuracies", &Curves::test_accuracies}};

struct Plot {
  std::string title;
  const std::vector<float>& batches;
  const std::vector<float>& tests;
  double lowest = 0;
  double highest = 1;
};

// Mean over a window that ends at each value.
std::vector<float> running_mean(const std::vector<float>& values, std::size_t window) {
  std::vector<float> means;
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    sum += values[i];
    if (i >= window) sum -= values[i - window];
    means.push_back(static_cast<float>(sum / static_cast<double>(std::min(i + 1, window))));
  }
  return means;
}

// At most one point per pixel: the mean of each interval.
std::vector<float> thinned(const std::vector<float>& values) {
  const auto stretch = static_cast<std::size_t>(std::ceil(static_cast<double>(values.size()) / kWidth));
  if (stretch <= 1) return values;
  std::vector<float> means;
  for (std::size_t begin = 0; begin < values.size(); begin += stretch) {
    const std::size_t end = std::min(begin + stretch, values.size());
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += values[i];
    means.push_back(static_cast<float>(sum / static_cast<double>(end - begin)));
  }
  return means;
}

void draw(Canvas& canvas, Point corner, const Plot& plot) {
  const auto y_of = [&](double value) {
    const double share = (std::clamp(value, plot.lowest, plot.highest) - plot.lowest) / (plot.highest - plot.lowest);
    return corner.y + kHeight * (1 - share);
  };
  canvas.text({corner.x + kWidth / 2, corner.y - 16}, plot.title, kAxisText + 3, TextAlign::center);
  const double step = axis_step(plot.highest - plot.lowest, 5);
  const auto first = static_cast<int>(std::ceil(plot.lowest / step));
  const auto last = static_cast<int>(std::floor(plot.highest / step + 1e-6));
  for (int number = first; number <= last; ++number) {
    const double tick = number * step;
    canvas.line({{corner.x, y_of(tick)}, {corner.x + kWidth, y_of(tick)}}, {0.88, 0.88, 0.88}, 1);
    canvas.text({corner.x - 8, y_of(tick) + 4}, fmt::format("{:.3g}", tick), kAxisText, TextAlign::right, kGrey);
  }
  const auto curve = [&](const std::vector<float>& values) {
    std::vector<Point> points;
    for (std::size_t i = 0; i < values.size(); ++i) {
      points.push_back(
          {corner.x + kWidth * (static_cast<double>(i) + 0.5) / static_cast<double>(values.size()), y_of(values[i])});
    }
    return points;
  };
  canvas.line(curve(thinned(plot.batches)), kPale, 1);
  canvas.line(curve(thinned(running_mean(plot.batches, std::max<std::size_t>(1, plot.batches.size() / 50)))), kBlue, 2);
  for (std::size_t epoch = 0; epoch < plot.tests.size(); ++epoch) {
    const double x = corner.x + kWidth * static_cast<double>(epoch + 1) / static_cast<double>(plot.tests.size());
    canvas.fill({x - 3, y_of(plot.tests[epoch]) - 3}, 6, 6, kBad);
  }
  canvas.frame(corner, kWidth, kHeight, kGrey);
  canvas.text({corner.x, corner.y + kHeight + 20}, "0", kAxisText, TextAlign::left, kGrey);
  canvas.text({corner.x + kWidth, corner.y + kHeight + 20}, counted(std::ssize(plot.batches), "batch"), kAxisText,
              TextAlign::right, kGrey);
  canvas.text({corner.x + kWidth / 2, corner.y + kHeight + 38}, "pale: a batch   blue: running mean   red: test set",
              kAxisText, TextAlign::center, kGrey);
}

struct LossAxis {
  double highest = 1;
  std::string title = "loss";
};

// Shows all losses, unless the few highest ones, from the first batches, would flatten the rest: then the title says
// that they lie above the plot.
LossAxis loss_axis(const Curves& curves) {
  constexpr double kFlattens = 4;
  std::vector<float> sorted = curves.losses;
  std::ranges::sort(sorted);
  LossAxis axis;
  axis.highest = sorted.empty() ? 1 : sorted[(sorted.size() - 1) * 99 / 100];
  for (const float loss : curves.test_losses) axis.highest = std::max(axis.highest, static_cast<double>(loss));
  if (!(axis.highest > 0)) axis.highest = 1;
  const std::vector<float> drawn = thinned(curves.losses);
  const double most = drawn.empty() ? 0 : std::ranges::max(drawn);
  if (most > kFlattens * axis.highest) {
    axis.title = fmt::format("loss (the highest of a batch, {:.3g}, lies above)", sorted.back());
  } else {
    axis.highest = std::max(axis.highest, most);
  }
  return axis;
}

}  // namespace

void draw_curves(const std::filesystem::path& path, const Curves& curves) {
  const LossAxis losses = loss_axis(curves);

  double lowest = 1;
  for (const auto* values : {&curves.accuracies, &curves.test_accuracies}) {
    for (const float value : *values) lowest = std::min(lowest, static_cast<double>(value));
  }
  lowest = std::min(std::floor(lowest * 10) / 10, 0.9);

  Canvas canvas(static_cast<int>(2 * (kLeft + kWidth + kRight)), static_cast<int>(kTop + kHeight + kBottom));
  draw(canvas, {kLeft, kTop}, {losses.title, curves.losses, curves.test_losses, 0, losses.highest * 1.02});
  draw(canvas, {kLeft + kWidth + kRight + kLeft, kTop},
       {"accuracy", curves.accuracies, curves.test_accuracies, lowest, 1});
  canvas.save(path);
}

void CurvesPicture::epoch_done(const EpochReport& report) {
  const auto append = [](std::vector<float>& values, const std::vector<float>& more) {
    values.insert(values.end(), more.begin(), more.end());
  };
  append(curves_.losses, report.train.batch_losses);
  append(curves_.accuracies, report.train.batch_accuracies);
  curves_.test_losses.push_back(static_cast<float>(report.test.loss));
  curves_.test_accuracies.push_back(static_cast<float>(report.test.accuracy()));
  background_.post(path_.string(), [this, curves = curves_] {
    try {
      draw_curves(path_, curves);
    } catch (const std::exception& error) {
      log_.warn("{}; the run continues without this picture", error.what());
    }
  });
}

NamedTensors CurvesPicture::values() const {
  NamedTensors values;
  for (const auto& [name, member] : kCurves) values.emplace_back(name, at::tensor(curves_.*member, at::kFloat));
  return values;
}

void CurvesPicture::restore(const NamedTensors& values) {
  for (const auto& [name, tensor] : values) {
    for (const auto& [known, member] : kCurves) {
      if (name != known) continue;
      const torch::Tensor floats = tensor.to(at::kFloat).contiguous();
      const auto* const begin = floats.const_data_ptr<float>();
      (curves_.*member).assign(begin, begin + floats.numel());
    }
  }
}

}  // namespace mnist
