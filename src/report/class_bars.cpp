#include <algorithm>

#include <fmt/format.h>

#include "mnist/report/pictures.hpp"

#include "canvas.hpp"

namespace mnist {
namespace {

constexpr double kBarText = 14;
constexpr double kBarLength = 360;  // of 100 %
constexpr double kBarHeight = 9;
constexpr double kBarMargin = 16;
constexpr double kWidestClass = 240;
constexpr double kMostRow = 30;
constexpr double kLeastRow = 20;
constexpr Color kBarPaper = {0.93, 0.94, 0.95};

// A bar from 0 to 100 %; nothing is known if `all` is 0.
void draw_bar(Canvas& canvas, Point corner, double part, double all, std::size_t color) {
  canvas.fill(corner, kBarLength, kBarHeight, kBarPaper);
  if (all > 0) canvas.fill(corner, kBarLength * part / all, kBarHeight, series_color(color));
}

std::string share_text(double part, double all) {
  return all > 0 ? fmt::format("{:.1f} %", 100 * part / all) : "-";
}

}  // namespace

void draw_class_bars(const std::filesystem::path& path, const torch::Tensor& confusion,
                     const std::vector<std::string>& class_names, const std::string& title) {
  constexpr std::size_t kMostClasses = 1000;  // the picture would be too high for cairo
  const std::size_t classes = std::min(class_names.size(), kMostClasses);
  Canvas measure(1, 1);
  double name_width = 0;
  for (const std::string& name : class_names) name_width = std::max(name_width, measure.text_width(name, kBarText));
  name_width = std::min(name_width, kWidestClass);
  const double row = std::clamp(900 / static_cast<double>(std::max<std::size_t>(classes, 1)), kLeastRow, kMostRow);
  const double left = kBarMargin + name_width + 10;
  const double shares = measure.text_width("100.0 %   100.0 %", kBarText);
  const double width = left + kBarLength + 12 + shares + kBarMargin;
  const double top = kBarMargin + 2 * kBarText + 22;
  Canvas canvas(static_cast<int>(width),
                static_cast<int>(top + row * static_cast<double>(classes) + kBarText + kBarMargin));
  canvas.text({kBarMargin, kBarMargin + kBarText}, canvas.fitted(title, kBarText + 2, width - 2 * kBarMargin),
              kBarText + 2);
  const double legend = kBarMargin + 2 * kBarText + 10;
  for (const std::size_t color : {0U, 1U}) {
    const Point corner = {left + static_cast<double>(color) * kBarLength / 3, legend};
    canvas.fill({corner.x, corner.y - kBarHeight}, kBarHeight, kBarHeight, series_color(color));
    canvas.text({corner.x + kBarHeight + 6, corner.y}, color == 0 ? "recall" : "precision", kBarText);
  }
  const torch::Tensor counts = confusion.contiguous();
  const torch::Tensor of_class = counts.sum(1);
  const torch::Tensor predicted = counts.sum(0);
  for (std::size_t i = 0; i < classes; ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const auto right = static_cast<double>(counts[index][index].item<std::int64_t>());
    const auto all = static_cast<double>(of_class[index].item<std::int64_t>());
    const auto said = static_cast<double>(predicted[index].item<std::int64_t>());
    const double y = top + row * static_cast<double>(i);
    const double base = y + row / 2 + kBarText * 0.35;
    canvas.text({left - 10, base}, canvas.fitted(class_names[i], kBarText, name_width), kBarText, TextAlign::right);
    draw_bar(canvas, {left, y + row / 2 - kBarHeight}, right, all, 0);
    draw_bar(canvas, {left, y + row / 2}, right, said, 1);
    canvas.text({left + kBarLength + 12, base}, fmt::format("{}   {}", share_text(right, all), share_text(right, said)),
                kBarText, TextAlign::left, kGrey);
  }
  if (classes < class_names.size()) {
    canvas.text({left, top + row * static_cast<double>(classes) + kBarText},
                fmt::format("and {} more classes", class_names.size() - classes), kBarText, TextAlign::left, kGrey);
  }
  canvas.save(path);
}

}  // namespace mnist
