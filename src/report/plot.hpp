// A plot of lines over the epochs of a run, as data, and its layout. Who draws it gives a pen: for a page
// (`svg_plot.hpp`) or for a picture (`curves.cpp`).
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "canvas.hpp"

namespace mnist {

inline constexpr std::size_t kTrainColor = 0;
inline constexpr std::size_t kTestColor = 1;

struct PlotInk {
  std::size_t color = 0;  // number of the colour
  bool pale = false;      // for single batches behind their mean
  bool dashed = false;
};

struct PlotSeries {
  PlotInk ink;
  std::string label;  // empty: not in the legend
  std::vector<std::pair<double, double>> points;
  bool dots = false;  // mark each point
};

struct Plot {
  std::string title;
  std::string x_label;
  double x_end = 1;  // the axis begins at 0
  double y_begin = 0;
  double y_end = 1;
  bool percent = false;  // y is a share, and is written in %
  std::vector<PlotSeries> series;
  std::string description;  // for people who do not see the plot
};

struct PlotSize {
  double width = 520;  // in pixels of a picture; a page scales the plot to its width
  double height = 300;
};

// Draws the parts of a plot, in the order of calls. Positions in pixels from the top left of the plot.
class PlotPen {
 public:
  virtual ~PlotPen() = default;

  virtual void title(Point position, const std::string& text) = 0;
  virtual void label(Point position, TextAlign align, const std::string& text) = 0;
  // Text in the colour of a series; returns its width, which may be an estimate.
  virtual double legend(Point position, const PlotInk& ink, bool dots, const std::string& text) = 0;
  virtual void grid_line(Point from, Point to) = 0;
  virtual void line(const std::vector<Point>& points, const PlotInk& ink) = 0;
  virtual void dot(Point position, const PlotInk& ink) = 0;
};

// Points outside of the y axis are drawn on its border, and a note says how far they go.
void draw_plot(PlotPen& pen, const Plot& plot, const PlotSize& size = {});

// A step of 1, 2 or 5 times a power of ten that divides the range into about so many parts.
double axis_step(double range, double parts);

}  // namespace mnist
