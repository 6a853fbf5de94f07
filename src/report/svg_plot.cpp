#include "svg_plot.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "html.hpp"

namespace mnist {
namespace {

constexpr double kSvgWidth = 520;  // units; the page scales the picture to its width
constexpr double kSvgHeight = 300;
constexpr double kSvgLeft = 48;
constexpr double kSvgRight = 14;
constexpr double kSvgTop = 46;
constexpr double kSvgBottom = 40;
constexpr double kSlack = 1e-9;  // of rounding, in steps

class PlotWriter {
 public:
  explicit PlotWriter(const SvgPlot& plot) : plot_(plot) {}

  std::string text(const std::string& description) {
    svg_ = fmt::format("<svg viewBox=\"0 0 {:g} {:g}\" role=\"img\" aria-label=\"{}\">\n", kSvgWidth, kSvgHeight,
                       html_text(description));
    legend();
    y_axis();
    x_axis();
    for (const SvgSeries& series : plot_.series) draw(series);
    note_of_cut();
    return svg_ + "</svg>\n";
  }

 private:
  double x_of(double value) const { return kSvgLeft + (kSvgWidth - kSvgLeft - kSvgRight) * value / plot_.x_end; }
  double y_of(double value) const {
    const double share =
        (std::clamp(value, plot_.y_begin, plot_.y_end) - plot_.y_begin) / (plot_.y_end - plot_.y_begin);
    return kSvgHeight - kSvgBottom - (kSvgHeight - kSvgTop - kSvgBottom) * share;
  }

  void write(double x, double y, const char* anchor, const std::string& style, const std::string& text) {
    svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", x, y, anchor,
                        style, html_text(text));
  }

  std::string number(double value) const {
    return plot_.percent ? fmt::format("{:.4g} %", 100 * value) : fmt::format("{:.4g}", value);
  }

  void legend() {
    write(kSvgLeft, 18, "start", "title", plot_.title);
    double x = kSvgLeft;
    for (const SvgSeries& series : plot_.series) {
      if (series.label.empty()) continue;
      write(x, 36, "start", series.style, (series.dots ? "● " : "— ") + series.label);
      constexpr double kLetter = 6.6;
      x += kLetter * static_cast<double>(series.label.size()) + 34;
    }
  }

  void y_axis() {
    const double step = axis_step(plot_.y_end - plot_.y_begin, 5);
    const auto first = static_cast<int>(std::ceil(plot_.y_begin / step - kSlack));
    const auto last = static_cast<int>(std::floor(plot_.y_end / step + kSlack));
    for (int i = first; i <= last; ++i) {
      const double tick = i * step;
      svg_ += fmt::format("<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n", kSvgLeft,
                          kSvgWidth - kSvgRight, y_of(tick), y_of(tick));
      write(kSvgLeft - 6, y_of(tick) + 4, "end", "", number(tick));
    }
  }

  void x_axis() {
    const double step = std::max(1.0, axis_step(plot_.x_end, 8));
    const auto last = static_cast<int>(std::floor(plot_.x_end / step + kSlack));
    for (int i = 0; i <= last; ++i) {
      const double tick = i * step;
      write(x_of(tick), kSvgHeight - kSvgBottom + 16, "middle", "", fmt::format("{:g}", tick));
    }
    write(kSvgWidth - kSvgRight, kSvgHeight - 6, "end", "", plot_.x_label);
  }

  void draw(const SvgSeries& series) {
    if (series.points.size() > 1) {
      svg_ += fmt::format("<polyline class=\"line {}\" points=\"", series.style);
      for (const auto& [x, y] : series.points) svg_ += fmt::format("{:.1f},{:.1f} ", x_of(x), y_of(y));
      svg_ += "\"/>\n";
    }
    if (!series.dots && series.points.size() != 1) return;
    for (const auto& [x, y] : series.points) {
      svg_ += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"/>\n",
                          series.style == "test" ? "dot" : "trained", x_of(x), y_of(y));
    }
  }

  void note_of_cut() {
    double highest = plot_.y_end;
    double lowest = plot_.y_begin;
    for (const SvgSeries& series : plot_.series) {
      for (const auto& [x, y] : series.points) {
        highest = std::max(highest, y);
        lowest = std::min(lowest, y);
      }
    }
    if (highest > plot_.y_end) {
      write(kSvgWidth - kSvgRight, 18, "end", "", fmt::format("cut off: values up to {}", number(highest)));
    } else if (lowest < plot_.y_begin) {
      write(kSvgWidth - kSvgRight, 18, "end", "", fmt::format("cut off: values down to {}", number(lowest)));
    }
  }

  const SvgPlot& plot_;
  std::string svg_;
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

std::string svg_plot(const SvgPlot& plot, const std::string& description) {
  return PlotWriter(plot).text(description);
}

}  // namespace mnist
