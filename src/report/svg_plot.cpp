#include "svg_plot.hpp"

#include <fmt/format.h>

#include "html.hpp"

namespace mnist {
namespace {

std::string line_class(const PlotInk& ink) {
  if (ink.pale) return "pale";
  return ink.color == kTrainColor ? "train" : "test";
}

class SvgPen : public PlotPen {
 public:
  explicit SvgPen(std::string& svg) : svg_(svg) {}

  void title(Point position, const std::string& text) override { write(position, "start", "title", text); }

  void label(Point position, TextAlign align, const std::string& text) override {
    write(position, align == TextAlign::left ? "start" : align == TextAlign::center ? "middle" : "end", "", text);
  }

  double legend(Point position, const PlotInk& ink, bool dots, const std::string& text) override {
    constexpr double kLetter = 6.6;
    write(position, "start", line_class(ink), (dots ? "● " : "— ") + text);
    return kLetter * static_cast<double>(text.size() + 3);
  }

  void grid_line(Point from, Point to) override {
    svg_ += fmt::format("<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n", from.x,
                        to.x, from.y, to.y);
  }

  void line(const std::vector<Point>& points, const PlotInk& ink) override {
    svg_ += fmt::format("<polyline class=\"line {}\" points=\"", line_class(ink));
    for (const Point& point : points) svg_ += fmt::format("{:.1f},{:.1f} ", point.x, point.y);
    svg_ += "\"/>\n";
  }

  void dot(Point position, const PlotInk& ink) override {
    svg_ += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"/>\n",
                        ink.color == kTestColor ? "dot" : "trained", position.x, position.y);
  }

 private:
  void write(Point position, const char* anchor, const std::string& style, const std::string& text) {
    svg_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", position.x,
                        position.y, anchor, style, html_text(text));
  }

  std::string& svg_;
};

}  // namespace

std::string svg_plot(const Plot& plot) {
  const PlotSize size;
  std::string svg = fmt::format("<svg viewBox=\"0 0 {:g} {:g}\" role=\"img\" aria-label=\"{}\">\n", size.width,
                                size.height, html_text(plot.description));
  SvgPen pen(svg);
  draw_plot(pen, plot, size);
  svg += "</svg>\n";
  return svg;
}

}  // namespace mnist
