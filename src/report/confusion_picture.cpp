#include <algorithm>

#include <fmt/format.h>

#include "mnist/report/pictures.hpp"

#include "canvas.hpp"

namespace mnist {
namespace {

constexpr double kLabelText = 14;
constexpr int kMargin = 16;
constexpr double kWidestName = 240;
constexpr int kPlot = 640;  // pixels, size of the matrix if its cells stay readable

// White to blue.
Color shade(double share) {
  return {1 - (1 - kBlue.red) * share, 1 - (1 - kBlue.green) * share, 1 - (1 - kBlue.blue) * share};
}

}  // namespace

void draw_confusion(const std::filesystem::path& path, const torch::Tensor& confusion,
                    const std::vector<std::string>& class_names, const std::string& title) {
  const auto classes = static_cast<int>(confusion.size(0));
  const int cell = std::clamp(kPlot / classes, 4, 90);
  const bool has_names = cell >= 16;  // otherwise they would overlap
  Canvas measure(1, 1);
  double name_width = 0;
  for (const std::string& name : class_names) name_width = std::max(name_width, measure.text_width(name, kLabelText));
  name_width = has_names ? std::min(name_width, kWidestName) : 0;

  const double left = 2 * kMargin + kLabelText + name_width + 8;
  const double top = 2 * kMargin + 3 * kLabelText + 14;
  const std::string heading = measure.fitted(title, kLabelText, kPlot);
  const std::string axes = "predicted class (columns), true class (rows)";
  const double half_title = std::max(measure.text_width(heading, kLabelText), measure.text_width(axes, kLabelText)) / 2;
  const double middle =
      std::max(left + cell * classes / 2.0, kMargin + half_title);  // if the title is wider than the table
  Canvas canvas(static_cast<int>(std::max(left + cell * classes, middle + half_title)) + kMargin,
                static_cast<int>(top) + cell * classes + kMargin + (has_names ? static_cast<int>(name_width) + 12 : 0));
  canvas.text({middle, kMargin + kLabelText}, heading, kLabelText, TextAlign::center);
  canvas.text({middle, kMargin + 2 * kLabelText + 6}, axes, kLabelText, TextAlign::center, kGrey);

  const torch::Tensor counts = confusion.contiguous();
  const auto* numbers = counts.data_ptr<std::int64_t>();
  for (int row = 0; row < classes; ++row) {
    std::int64_t total = 0;
    for (int column = 0; column < classes; ++column) total += numbers[row * classes + column];
    for (int column = 0; column < classes; ++column) {
      const std::int64_t count = numbers[row * classes + column];
      const double share = total == 0 ? 0 : static_cast<double>(count) / static_cast<double>(total);
      const Point corner = {left + column * cell, top + row * cell};
      canvas.fill(corner, cell, cell, shade(share));
      const std::string text = fmt::format("{}", count);
      const double size = std::min(kLabelText, cell * 0.4);
      if (count > 0 && size >= 9 && canvas.text_width(text, size) < cell - 2) {
        canvas.text({corner.x + cell / 2.0, corner.y + cell / 2.0 + size * 0.35}, text, size, TextAlign::center,
                    share > 0.5 ? kWhite : kBlack);
      }
    }
    if (has_names) {
      const std::string name = canvas.fitted(class_names[static_cast<std::size_t>(row)], kLabelText, name_width);
      canvas.text({left - 8, top + row * cell + cell / 2.0 + kLabelText * 0.35}, name, kLabelText, TextAlign::right);
    }
  }
  canvas.frame({left, top}, cell * classes, cell * classes, kGrey);
  for (int column = 0; has_names && column < classes; ++column) {
    const std::string name = canvas.fitted(class_names[static_cast<std::size_t>(column)], kLabelText, name_width);
    canvas.text_upright({left + column * cell + cell / 2.0 + kLabelText * 0.35, top + cell * classes + 8}, name,
                        kLabelText);
  }
  canvas.save(path);
}

}  // namespace mnist
