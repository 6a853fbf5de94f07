// A plot as SVG for a page, whose style sheet gives the colours (`page_style.hpp`).
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mnist {

struct SvgSeries {
  std::string style;  // class of the style sheet: "train", "pale" or "test"
  std::string label;  // empty: not in the legend
  std::vector<std::pair<double, double>> points;
  bool dots = false;  // mark each point
};

struct SvgPlot {
  std::string title;
  std::string x_label;
  double x_end = 1;  // the axis begins at 0
  double y_begin = 0;
  double y_end = 1;
  bool percent = false;  // y is a share, and is written in %
  std::vector<SvgSeries> series;
};

// Points outside of the y axis are drawn on its border, and a note says how far they go. `description`: for people who
// do not see the plot.
std::string svg_plot(const SvgPlot& plot, const std::string& description);

// A step of 1, 2 or 5 times a power of ten that divides the range into about so many parts.
double axis_step(double range, double parts);

}  // namespace mnist
