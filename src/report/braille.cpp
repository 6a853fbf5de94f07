#include "mnist/report/braille.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

#include <fmt/format.h>

#include "mnist/core/text.hpp"

namespace mnist {
namespace {

// Dots in the cells of characters. Row 0 is the highest.
class Dots {
 public:
  Dots(int columns, int rows, bool utf8)
      : utf8_(utf8),
        columns_(columns),
        rows_(rows),
        across_(utf8 ? 2 : 1),
        down_(utf8 ? 4 : 3),
        set_(static_cast<std::size_t>(width()) * static_cast<std::size_t>(height())),
        marked_(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows)) {}

  int width() const { return columns_ * across_; }
  int height() const { return rows_ * down_; }

  void set(int column, int row) { set_[index(column, row)] = true; }
  void mark(int column, int row) { marked_[cell(column / across_, row / down_)] = true; }

  std::string line(int row) const {
    std::string text;
    for (int column = 0; column < columns_; ++column) {
      const bool marked = marked_[cell(column, row)];
      text += marked ? "o" : utf8_ ? braille(column, row) : ascii(column, row);
    }
    return text;
  }

 private:
  std::size_t cell(int column, int row) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) + static_cast<std::size_t>(column);
  }
  std::size_t index(int column, int row) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(width()) + static_cast<std::size_t>(column);
  }

  bool is_set(int column, int row) const { return set_[index(column, row)]; }

  std::string braille(int column, int row) const {
    // The bits of U+2800's block, by row and column of the dot.
    constexpr unsigned kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    unsigned bits = 0;
    for (int y = 0; y < down_; ++y) {
      for (int x = 0; x < across_; ++x) {
        if (is_set(column * across_ + x, row * down_ + y)) bits |= kBits[y][x];
      }
    }
    if (bits == 0) return " ";
    const char bytes[] = {'\xE2', static_cast<char>(0xA0U | (bits >> 6U)), static_cast<char>(0x80U | (bits & 0x3FU))};
    return {bytes, sizeof(bytes)};
  }

  std::string ascii(int column, int row) const {
    constexpr const char* kOne[] = {"'", "-", "."};
    int dots = 0;
    const char* text = " ";
    for (int y = 0; y < down_; ++y) {
      if (!is_set(column, row * down_ + y)) continue;
      ++dots;
      text = kOne[y];
    }
    return dots > 1 ? "|" : text;
  }

  bool utf8_;
  int columns_;
  int rows_;
  int across_;  // dots of a cell
  int down_;
  std::vector<bool> set_;
  std::vector<bool> marked_;
};

int column_of(const TextPlot& plot, double x, const Dots& dots) {
  const double share = plot.last_x > 0 ? std::clamp(x / plot.last_x, 0.0, 1.0) : 0;
  return static_cast<int>(std::lround(share * (dots.width() - 1)));
}

int row_of(const TextPlot& plot, double y, const Dots& dots) {
  const double range = plot.highest - plot.lowest;
  const double share = range > 0 ? std::clamp((y - plot.lowest) / range, 0.0, 1.0) : 0;
  return static_cast<int>(std::lround((1 - share) * (dots.height() - 1)));
}

bool is_finite(const TextPoint& point) {
  return std::isfinite(point.x) && std::isfinite(point.y);
}

// The mean row of the points in each column of dots; nothing where there is none.
std::vector<std::optional<int>> rows_of_columns(const TextPlot& plot, const Dots& dots) {
  std::vector<double> sums(static_cast<std::size_t>(dots.width()));
  std::vector<int> counts(sums.size());
  for (const TextPoint& point : plot.curve) {
    if (!is_finite(point)) continue;
    const auto column = static_cast<std::size_t>(column_of(plot, point.x, dots));
    sums[column] += point.y;
    ++counts[column];
  }
  std::vector<std::optional<int>> rows(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (counts[i] > 0) rows[i] = row_of(plot, sums[i] / counts[i], dots);
  }
  return rows;
}

// From one point to the next one, without gaps.
void join_dots(Dots& dots, int from_column, int from_row, int to_column, int to_row) {
  int before = from_row;
  for (int column = from_column + 1; column <= to_column; ++column) {
    const double share = static_cast<double>(column - from_column) / (to_column - from_column);
    const int row = static_cast<int>(std::lround(from_row + share * (to_row - from_row)));
    const int step = row > before ? 1 : -1;
    for (int y = before; y != row; y += step) {
      if (y != before) dots.set(column, y);
    }
    dots.set(column, row);
    before = row;
  }
}

Dots dots_of(const TextPlot& plot, int columns, int rows, bool utf8) {
  Dots dots(columns, rows, utf8);
  const std::vector<std::optional<int>> means = rows_of_columns(plot, dots);
  int last = -1;
  for (int column = 0; column < dots.width(); ++column) {
    const std::optional<int> row = means[static_cast<std::size_t>(column)];
    if (!row) continue;
    dots.set(column, *row);
    if (last >= 0) join_dots(dots, last, means[static_cast<std::size_t>(last)].value_or(*row), column, *row);
    last = column;
  }
  for (const TextPoint& mark : plot.marks) {
    if (is_finite(mark)) dots.mark(column_of(plot, mark.x, dots), row_of(plot, mark.y, dots));
  }
  return dots;
}

}  // namespace

std::vector<std::string> plot_lines(const TextPlot& plot, int columns, int height, bool utf8) {
  const std::size_t label = std::max(columns_of(plot.lowest_text), columns_of(plot.highest_text));
  const int inside = columns - static_cast<int>(label) - 2;
  const int rows = height - 2;
  constexpr int kNarrowest = 4;
  if (rows < 1 || inside < kNarrowest) return {};
  const Dots dots = dots_of(plot, inside, rows, utf8);
  const std::string indent(label + 2, ' ');
  const auto cut = [](const std::string& text, int most) { return text.substr(0, static_cast<std::size_t>(most)); };
  std::vector<std::string> lines;
  lines.reserve(static_cast<std::size_t>(height));
  lines.push_back(indent + cut(plot.title, inside));
  for (int row = 0; row < rows; ++row) {
    const std::string& text = row == 0 ? plot.highest_text : row == rows - 1 ? plot.lowest_text : "";
    lines.push_back(fmt::format("{} {}{}", padded(text, label, Align::right), utf8 ? "\u2502" : "|", dots.line(row)));
  }
  const std::string last = cut(plot.last_text, inside - 1);
  lines.push_back(fmt::format("{}0{}", indent, padded(last, static_cast<std::size_t>(inside - 1), Align::right)));
  return lines;
}

}  // namespace mnist
