#include <algorithm>

#include <ATen/ATen.h>
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

class ConfusionPicture {
 public:
  ConfusionPicture(const torch::Tensor& confusion, const std::vector<std::string>& names, const std::string& title)
      : counts_(confusion.contiguous()), names_(names), classes_(static_cast<int>(confusion.size(0))) {
    cell_ = std::clamp(kPlot / classes_, 4, 90);
    has_names_ = cell_ >= 16;  // otherwise they would overlap
    Canvas measure(1, 1);
    double widest = 0;
    for (const std::string& name : names) widest = std::max(widest, measure.text_width(name, kLabelText));
    is_turned_ = widest > cell_ - 4;
    name_width_ = has_names_ ? std::min(widest, kWidestName) : 0;
    share_width_ = has_names_ ? measure.text_width("100.0 %", kLabelText) + 8 : 0;
    left_ = 2 * kMargin + kLabelText + name_width_ + 8;
    top_ = 2 * kMargin + 3 * kLabelText + 14;
    heading_ = measure.fitted(title, kLabelText, kPlot);
    const double half = std::max(measure.text_width(heading_, kLabelText), measure.text_width(kAxes, kLabelText)) / 2;
    middle_ = std::max(left_ + side() / 2.0, kMargin + half);  // if the title is wider than the table
    width_ = static_cast<int>(std::max(left_ + side() + share_width_, middle_ + half)) + kMargin;
  }

  void draw(const std::filesystem::path& path) const {
    const double below = !has_names_ ? 0 : 12 + (is_turned_ ? name_width_ : kLabelText);
    Canvas canvas(width_, static_cast<int>(top_ + side() + kMargin + below));
    canvas.text({middle_, kMargin + kLabelText}, heading_, kLabelText, TextAlign::center);
    canvas.text({middle_, kMargin + 2 * kLabelText + 6}, kAxes, kLabelText, TextAlign::center, kGrey);
    if (has_names_) {
      canvas.text({left_ + side() + share_width_, top_ - 6}, "right", kLabelText, TextAlign::right, kGrey);
    }
    if (has_names_) {
      for (int row = 0; row < classes_; ++row) draw_row(canvas, row);
    } else {
      canvas.image({left_, top_}, side(), side(), pixels());
    }
    canvas.frame({left_, top_}, side(), side(), kGrey);
    for (int column = 0; has_names_ && column < classes_; ++column) draw_name_of(canvas, column);
    canvas.save(path);
  }

 private:
  static constexpr const char* kAxes = "predicted class (columns), true class (rows)";

  int side() const { return cell_ * classes_; }
  std::int64_t count(int row, int column) const { return counts_.data_ptr<std::int64_t>()[row * classes_ + column]; }

  // The shades as uint8 [3, side, side]: a million cells would be a picture of 100 MB as SVG.
  torch::Tensor pixels() const {
    constexpr int kMostPixels = 2000;
    const torch::Tensor shares = counts_.to(at::kFloat) / counts_.sum(1, /*keepdim=*/true).clamp_min(1);
    const torch::Tensor away = at::tensor({1 - kBlue.red, 1 - kBlue.green, 1 - kBlue.blue}, at::kFloat).view({3, 1, 1});
    const torch::Tensor colors = ((1 - away * shares) * 255).round().to(at::kByte);
    const auto times = std::max(1, std::min(cell_, kMostPixels / classes_));
    return colors.repeat_interleave(times, 1).repeat_interleave(times, 2);
  }

  void draw_row(Canvas& canvas, int row) const {
    std::int64_t total = 0;
    for (int column = 0; column < classes_; ++column) total += count(row, column);
    const auto share_of = [&](int column) {
      return total == 0 ? 0 : static_cast<double>(count(row, column)) / static_cast<double>(total);
    };
    for (int column = 0; column < classes_; ++column) {
      const double share = share_of(column);
      if (count(row, column) == 0) continue;
      const Point corner = {left_ + column * cell_, top_ + row * cell_};
      canvas.fill(corner, cell_, cell_, shade(share));
      const std::string text = fmt::format("{}", count(row, column));
      const double size = std::min(kLabelText, cell_ * 0.4);
      if (size >= 9 && canvas.text_width(text, size) < cell_ - 2) {
        canvas.text({corner.x + cell_ / 2.0, corner.y + cell_ / 2.0 + size * 0.35}, text, size, TextAlign::center,
                    share > 0.5 ? kWhite : kBlack);
      }
    }
    const double base = top_ + row * cell_ + cell_ / 2.0 + kLabelText * 0.35;
    const std::string name = canvas.fitted(names_[static_cast<std::size_t>(row)], kLabelText, name_width_);
    canvas.text({left_ - 8, base}, name, kLabelText, TextAlign::right);
    const std::string share = total == 0 ? "-" : fmt::format("{:.1f} %", 100 * share_of(row));
    canvas.text({left_ + side() + share_width_, base}, share, kLabelText, TextAlign::right, kGrey);
  }

  void draw_name_of(Canvas& canvas, int column) const {
    const std::string name = canvas.fitted(names_[static_cast<std::size_t>(column)], kLabelText, name_width_);
    const double middle = left_ + column * cell_ + cell_ / 2.0;
    const double bottom = top_ + side() + 8;
    if (is_turned_) {
      canvas.text_upright({middle + kLabelText * 0.35, bottom}, name, kLabelText);
    } else {
      canvas.text({middle, bottom + kLabelText}, name, kLabelText, TextAlign::center);
    }
  }

  torch::Tensor counts_;
  const std::vector<std::string>& names_;
  int classes_;
  int cell_ = 0;
  bool has_names_ = false;
  bool is_turned_ = false;  // names of columns that are wider than a column
  double name_width_ = 0;
  double share_width_ = 0;
  double left_ = 0;
  double top_ = 0;
  double middle_ = 0;  // of the title
  int width_ = 0;
  std::string heading_;
};

}  // namespace

void draw_confusion(const std::filesystem::path& path, const torch::Tensor& confusion,
                    const std::vector<std::string>& class_names, const std::string& title) {
  ConfusionPicture(confusion, class_names, title).draw(path);
}

}  // namespace mnist
