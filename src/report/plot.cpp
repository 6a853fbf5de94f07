#include "plot.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace mnist {
namespace {

constexpr double kPlotLeft = 48;
constexpr double kPlotRight = 14;
constexpr double kPlotTop = 46;
constexpr double kPlotBottom = 40;
constexpr double kSlack = 1e-9;  // of rounding, in steps

class PlotLayout {
 public:
  PlotLayout(PlotPen& pen, const Plot& plot, const PlotSize& size) : pen_(pen), plot_(plot), size_(size) {}

  void draw() {
    legend();
    y_axis();
    x_axis();
    for (const PlotSeries& series : plot_.series) draw(series);
    note_of_cut();
  }

 private:
  double right() const { return size_.width - kPlotRight; }
  double bottom() const { return size_.height - kPlotBottom; }
  Point place(double x, double y) const {
    const double share = (std::clamp(y, plot_.y_begin, plot_.y_end) - plot_.y_begin) / (plot_.y_end - plot_.y_begin);
    return {kPlotLeft + (right() - kPlotLeft) * x / plot_.x_end, bottom() - (bottom() - kPlotTop) * share};
  }

  std::string number(double value) const {
    return plot_.percent ? fmt::format("{:.4g} %", 100 * value) : fmt::format("{:.4g}", value);
  }

  void legend() {
    constexpr double kBetween = 16;
    pen_.title({kPlotLeft, 18}, plot_.title);
    double x = kPlotLeft;
    for (const PlotSeries& series : plot_.series) {
      if (series.label.empty() || series.points.empty()) continue;
      x += pen_.legend({x, 36}, series.ink, series.dots, series.label) + kBetween;
    }
  }

  void y_axis() {
    const double step = axis_step(plot_.y_end - plot_.y_begin, 5);
    const auto first = static_cast<int>(std::ceil(plot_.y_begin / step - kSlack));
    const auto last = static_cast<int>(std::floor(plot_.y_end / step + kSlack));
    for (int i = first; i <= last; ++i) {
      const double tick = i * step;
      pen_.grid_line(place(0, tick), place(plot_.x_end, tick));
      pen_.label({kPlotLeft - 6, place(0, tick).y + 4}, TextAlign::right, number(tick));
    }
  }

  void x_axis() {
    const double step = std::max(1.0, axis_step(plot_.x_end, 8));
    const auto last = static_cast<int>(std::floor(plot_.x_end / step + kSlack));
    for (int i = 0; i <= last; ++i) {
      const double tick = i * step;
      pen_.label({place(tick, 0).x, bottom() + 16}, TextAlign::center, fmt::format("{:g}", tick));
    }
    pen_.label({right(), size_.height - 6}, TextAlign::right, plot_.x_label);
  }

  void draw(const PlotSeries& series) {
    std::vector<Point> points;
    points.reserve(series.points.size());
    for (const auto& [x, y] : series.points) points.push_back(place(x, y));
    if (points.size() > 1) pen_.line(points, series.ink);
    if (!series.dots && points.size() != 1) return;
    for (const Point& point : points) pen_.dot(point, series.ink);
  }

  void note_of_cut() {
    double highest = plot_.y_end;
    double lowest = plot_.y_begin;
    for (const PlotSeries& series : plot_.series) {
      for (const auto& [x, y] : series.points) {
        highest = std::max(highest, y);
        lowest = std::min(lowest, y);
      }
    }
    if (highest > plot_.y_end) {
      pen_.label({right(), 18}, TextAlign::right, fmt::format("cut off: values up to {}", number(highest)));
    } else if (lowest < plot_.y_begin) {
      pen_.label({right(), 18}, TextAlign::right, fmt::format("cut off: values down to {}", number(lowest)));
    }
  }

  PlotPen& pen_;
  const Plot& plot_;
  const PlotSize& size_;
};

}  // namespace

double axis_step(double range, double parts) {
  const double rough = range / parts;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

void draw_plot(PlotPen& pen, const Plot& plot, const PlotSize& size) {
  PlotLayout(pen, plot, size).draw();
}

}  // namespace mnist
