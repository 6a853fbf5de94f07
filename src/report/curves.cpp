#include <algorithm>

#include <fmt/format.h>

#include "mnist/report/pictures.hpp"

#include "canvas.hpp"
#include "run_plots.hpp"

namespace mnist {
namespace {

constexpr double kPlotGap = 24;
constexpr double kHeading = 40;
constexpr double kHeadingText = 17;
constexpr double kPlotText = 12.5;
static_assert(kDistinctSeries == 2 * kSeriesColors);  // two marks
constexpr Color kGridColor = {0.88, 0.88, 0.88};

Color pale(const Color& color) {
  constexpr double kShare = 0.35;
  const auto mixed = [](double part) { return 1 - (1 - part) * kShare; };
  return {mixed(color.red), mixed(color.green), mixed(color.blue)};
}

class CanvasPen : public PlotPen {
 public:
  CanvasPen(Canvas& canvas, Point corner) : canvas_(canvas), corner_(corner) {}

  void title(Point position, const std::string& text) override {
    canvas_.text(at(position), text, kPlotText + 2, TextAlign::left);
  }
  void label(Point position, TextAlign align, const std::string& text) override {
    canvas_.text(at(position), text, kPlotText, align, kGrey);
  }
  double legend(Point position, const PlotInk& ink, bool dots, const std::string& text) override {
    constexpr double kSample = 22;
    const Point middle = {position.x, position.y - kPlotText * 0.35};
    line({middle, {middle.x + kSample, middle.y}}, ink);
    if (dots) dot({middle.x + kSample / 2, middle.y}, ink);
    canvas_.text(at({position.x + kSample + 6, position.y}), text, kPlotText, TextAlign::left);
    return kSample + 6 + canvas_.text_width(text, kPlotText);
  }
  void grid_line(Point from, Point to) override { canvas_.line({at(from), at(to)}, kGridColor, 1); }
  void line(const std::vector<Point>& points, const PlotInk& ink) override {
    std::vector<Point> placed;
    placed.reserve(points.size());
    for (const Point& point : points) placed.push_back(at(point));
    canvas_.line(placed, color_of(ink), ink.pale ? 1 : 2, ink.dashed);
  }
  void dot(Point position, const PlotInk& ink) override {
    // Not only the colours differ, and a colour that is used again has the other mark.
    constexpr double kRadius = 3.5;
    const Point middle = at(position);
    if (ink.dashed) {
      // A hollow mark: of training.
      canvas_.frame({middle.x - kRadius, middle.y - kRadius}, 2 * kRadius, 2 * kRadius, color_of(ink), 1.5);
    } else if ((ink.color + ink.color / kSeriesColors) % 2 == 0) {
      canvas_.dot(middle, kRadius, color_of(ink));
    } else {
      canvas_.fill({middle.x - kRadius, middle.y - kRadius}, 2 * kRadius, 2 * kRadius, color_of(ink));
    }
  }

 private:
  Point at(Point position) const { return {corner_.x + position.x, corner_.y + position.y}; }
  static Color color_of(const PlotInk& ink) {
    const Color color = series_color(ink.color);
    return ink.pale ? pale(color) : color;
  }

  Canvas& canvas_;
  Point corner_;
};

std::string heading_of(const RunRecord& run) {
  std::string text = fmt::format("{} on {}", run.manifest.arch, run.manifest.dataset);
  if (const EpochRow* const best = run.best(); best != nullptr) {
    text += fmt::format(": best test accuracy {:.2f} % in epoch {} of {}", 100 * best->test_accuracy, best->epoch,
                        run.epochs.back().epoch);
  }
  if (run.manifest.outcome == Outcome::diverged) text += "; the run diverged";
  return text;
}

}  // namespace

void draw_curves(const std::filesystem::path& path, const RunRecord& run) {
  const std::vector<Plot> plots = run_plots(run);
  const PlotSize size;
  const auto count = static_cast<double>(plots.size());
  Canvas canvas(static_cast<int>(kPlotGap + std::max(1.0, count) * (size.width + kPlotGap)),
                static_cast<int>(kHeading + size.height + kPlotGap));
  canvas.text({kPlotGap, kHeading - 12},
              canvas.fitted(heading_of(run), kHeadingText, size.width * std::max(1.0, count)), kHeadingText);
  Point corner = {kPlotGap, kHeading};
  for (const Plot& plot : plots) {
    CanvasPen pen(canvas, corner);
    draw_plot(pen, plot, size);
    corner.x += size.width + kPlotGap;
  }
  canvas.save(path);
}

void draw_comparison(const std::filesystem::path& path, const std::vector<ComparedRun>& runs) {
  constexpr double kLine = 22;
  constexpr double kSample = 48;  // where the names begin
  std::vector<const RunRecord*> records;
  records.reserve(runs.size());
  for (const ComparedRun& run : runs) records.push_back(run.record);
  const PlotSize size;
  const double width = 2 * (size.width + kPlotGap);
  const double legend = kHeading + size.height;
  Canvas canvas(static_cast<int>(kPlotGap + width),
                static_cast<int>(legend + kLine * static_cast<double>(runs.size()) + kPlotGap));
  canvas.text({kPlotGap, kHeading - 12}, "Test set: solid lines with marks. Training: dashed lines.", kPlotText + 2);
  Point corner = {kPlotGap, kHeading};
  for (const Plot& plot : comparison_plots(records)) {
    CanvasPen pen(canvas, corner);
    draw_plot(pen, plot, size);
    corner.x += size.width + kPlotGap;
  }
  CanvasPen pen(canvas, {kPlotGap, legend});
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::string name = canvas.fitted(runs[i].name, kPlotText, width / 2);
    if (runs[i].record->epochs.empty()) name += ": no finished epoch";
    pen.legend({kSample, kLine * (static_cast<double>(i) + 0.8)}, {.color = i}, /*dots=*/true, name);
  }
  canvas.save(path);
}

}  // namespace mnist
