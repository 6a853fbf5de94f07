#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "mnist/core/text.hpp"
#include "mnist/report/pictures.hpp"

#include "canvas.hpp"

namespace mnist {
namespace {

constexpr double kScalingWidth = 620;  // of the plot, in pixels
constexpr double kScalingHeight = 420;
constexpr Point kScalingCorner = {78, 44};
constexpr double kScalingBelow = 56;  // the plot
constexpr double kLegendLine = 22;
constexpr double kScalingText = 13;
constexpr double kGiga = 1e9;
constexpr Color kGrid = {0.88, 0.88, 0.88};

// A range of a logarithmic axis.
struct LogRange {
  double low = 1;
  double high = 10;

  // 0 at the low end, 1 at the high one.
  double share(double value) const { return std::log(value / low) / std::log(high / low); }
};

// With space at both ends, so that a single size has a range, too.
LogRange sizes_of(const std::vector<ScalingCurve>& curves) {
  LogRange range{HUGE_VAL, 0};
  for (const ScalingCurve& curve : curves) {
    for (const auto& [size, rate] : curve.points) {
      range.low = std::min(range.low, size);
      range.high = std::max(range.high, size);
    }
  }
  constexpr double kBeside = 1.25;
  return {range.low / kBeside, range.high * kBeside};
}

// Whole decades.
LogRange rates_of(const std::vector<ScalingCurve>& curves) {
  LogRange range{HUGE_VAL, 0};
  for (const ScalingCurve& curve : curves) {
    for (const auto& [size, rate] : curve.points) {
      range.low = std::min(range.low, rate / kGiga);
      range.high = std::max(range.high, rate / kGiga);
    }
  }
  range = {std::pow(10, std::floor(std::log10(range.low))), std::pow(10, std::ceil(std::log10(range.high)))};
  if (range.high <= range.low) range.high = 10 * range.low;
  return range;
}

std::vector<double> all_sizes(const std::vector<ScalingCurve>& curves) {
  std::vector<double> sizes;
  for (const ScalingCurve& curve : curves) {
    for (const auto& [size, rate] : curve.points) sizes.push_back(size);
  }
  std::ranges::sort(sizes);
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

class ScalingPlot {
 public:
  ScalingPlot(Canvas& canvas, const std::vector<ScalingCurve>& curves)
      : canvas_(canvas), curves_(curves), sizes_(sizes_of(curves)), rates_(rates_of(curves)) {}

  void draw() {
    draw_rates();
    draw_sizes();
    for (std::size_t i = 0; i < curves_.size(); ++i) draw_curve(curves_[i], series_color(i));
    canvas_.frame(kScalingCorner, kScalingWidth, kScalingHeight, kGrey);
    canvas_.text({kScalingCorner.x + kScalingWidth / 2, kScalingCorner.y - 16}, "Matrix product", kScalingText + 3,
                 TextAlign::center);
    for (std::size_t i = 0; i < curves_.size(); ++i) draw_legend(i);
  }

 private:
  double x_of(double size) const { return kScalingCorner.x + kScalingWidth * sizes_.share(size); }
  double y_of(double rate) const { return kScalingCorner.y + kScalingHeight * (1 - rates_.share(rate)); }

  // Lines at 1, 2 and 5 of each decade, and numbers unless there are too many.
  void draw_rates() {
    const bool few = rates_.high / rates_.low < 2e3;
    const auto last = static_cast<int>(std::lround(std::log10(rates_.high)));
    for (auto decade = static_cast<int>(std::lround(std::log10(rates_.low))); decade <= last; ++decade) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double rate = std::pow(10, decade) * factor;
        if (factor > 1 && (decade == last || !few)) continue;
        canvas_.line({{kScalingCorner.x, y_of(rate)}, {kScalingCorner.x + kScalingWidth, y_of(rate)}}, kGrid, 1);
        const std::string number = rate >= 1 ? with_thousands(std::llround(rate)) : fmt::format("{:.3g}", rate);
        canvas_.text({kScalingCorner.x - 8, y_of(rate) + 4}, number, kScalingText, TextAlign::right, kGrey);
      }
    }
    canvas_.text({8, kScalingCorner.y - 16}, "GFLOPS", kScalingText, TextAlign::left, kGrey);
  }

  // A line at each measured size, and its number if it does not touch the previous one.
  void draw_sizes() {
    double free_from = 0;
    for (const double size : all_sizes(curves_)) {
      const double x = x_of(size);
      canvas_.line({{x, kScalingCorner.y}, {x, kScalingCorner.y + kScalingHeight}}, kGrid, 1);
      const std::string number = with_thousands(std::llround(size));
      const double half = canvas_.text_width(number, kScalingText) / 2;
      if (x - half < free_from) continue;
      free_from = x + half + 6;
      canvas_.text({x, kScalingCorner.y + kScalingHeight + 20}, number, kScalingText, TextAlign::center, kGrey);
    }
    canvas_.text({kScalingCorner.x + kScalingWidth / 2, kScalingCorner.y + kScalingHeight + 42},
                 "rows of the square matrices", kScalingText, TextAlign::center, kGrey);
  }

  void draw_curve(const ScalingCurve& curve, Color color) {
    std::vector<Point> points;
    for (const auto& [size, rate] : curve.points) points.push_back({x_of(size), y_of(rate / kGiga)});
    canvas_.line(points, color, 2);
    for (const Point& point : points) mark(point, color);
  }

  // Two columns below the plot.
  void draw_legend(std::size_t index) {
    const Color color = series_color(index);
    const double x = kScalingCorner.x + (index % 2 == 0 ? 0 : kScalingWidth / 2);
    const std::size_t line = index / 2;
    const double y =
        kScalingCorner.y + kScalingHeight + kScalingBelow + kLegendLine * (static_cast<double>(line) + 0.5);
    canvas_.line({{x, y - 4}, {x + 28, y - 4}}, color, 2);
    mark({x + 14, y - 4}, color);
    canvas_.text({x + 36, y}, canvas_.fitted(curves_[index].name, kScalingText, kScalingWidth / 2 - 44), kScalingText);
  }

  void mark(Point point, Color color) { canvas_.fill({point.x - 3.5, point.y - 3.5}, 7, 7, color); }

  Canvas& canvas_;
  const std::vector<ScalingCurve>& curves_;
  LogRange sizes_;
  LogRange rates_;
};

}  // namespace

void draw_scaling(const std::filesystem::path& path, const std::vector<ScalingCurve>& curves) {
  const std::size_t lines = (curves.size() + 1) / 2;  // of the legend
  const double legend = kLegendLine * static_cast<double>(lines) + 12;
  Canvas canvas(static_cast<int>(kScalingCorner.x + kScalingWidth + 24),
                static_cast<int>(kScalingCorner.y + kScalingHeight + kScalingBelow + legend));
  ScalingPlot(canvas, curves).draw();
  canvas.save(path);
}

}  // namespace mnist
