#include "ruling.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

namespace mnist {
namespace {

constexpr float kLineInk = 0.12F;        // minimum ink of a pixel of a line; lines are often fainter than the pen
constexpr double kMostRise = 0.12;       // of a line, as a share of the page's width
constexpr double kAcross = 0.6;          // share of the page that each of several lines crosses
constexpr double kLeastLine = 0.3;       // of the page's width; in the corners lines are shorter
constexpr double kRightAcross = 0.9;     // share of the page that a single line crosses
constexpr std::size_t kSeveral = 3;      // so many parallel lines are not a digit
constexpr double kMostThickness = 0.03;  // of the page; a thicker line is the edge of a desk

// The pixels with ink; searches for lines along the rows.
class Grid {
 public:
  explicit Grid(const torch::Tensor& ink)
      : ink_(ink.contiguous()),
        height_(ink.size(0)),
        width_(ink.size(1)),
        runs_(static_cast<std::size_t>(height_ * width_)) {
    find_runs();
  }

  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  bool has_ink(std::int64_t row, std::int64_t column) const {
    return row >= 0 && row < height_ && ink_.const_data_ptr<float>()[row * width_ + column] > kLineInk;
  }

  // The first row, and one after the last row, of the vertical run of ink through the pixel.
  std::pair<std::int64_t, std::int64_t> run(std::int64_t row, std::int64_t column) const {
    return runs_[static_cast<std::size_t>(row * width_ + column)];
  }

 private:
  // Computed once, because there are tens of thousands of candidate lines.
  void find_runs() {
    for (std::int64_t column = 0; column < width_; ++column) {
      for (std::int64_t begin = 0; begin < height_; ++begin) {
        if (!has_ink(begin, column)) continue;
        auto end = begin + 1;
        while (has_ink(end, column)) ++end;
        for (auto row = begin; row < end; ++row) runs_[static_cast<std::size_t>(row * width_ + column)] = {begin, end};
        begin = end;
      }
    }
  }

  torch::Tensor ink_;
  std::int64_t height_;
  std::int64_t width_;
  std::vector<std::pair<std::int64_t, std::int64_t>> runs_;  // by pixel with ink
};

struct Line {
  std::int64_t row;          // in the middle of the page
  std::int64_t rise;         // rows from the left side to the right one
  std::int64_t hits = 0;     // columns with ink
  std::int64_t columns = 0;  // columns in which the line is on the page
  std::int64_t thickness = 0;

  double share() const { return static_cast<double>(hits) / static_cast<double>(columns); }
  std::int64_t row_at(std::int64_t column, std::int64_t width) const {
    return row +
           std::llround(static_cast<double>(rise) * (static_cast<double>(column) / static_cast<double>(width) - 0.5));
  }
};

// All candidate lines with enough ink, best first; a real line has several nearly equal candidates.
std::vector<Line> ways_across(const Grid& grid) {
  std::vector<std::pair<std::int64_t, std::int64_t>> inked;
  for (std::int64_t row = 0; row < grid.height(); ++row) {
    for (std::int64_t column = 0; column < grid.width(); ++column) {
      if (grid.has_ink(row, column)) inked.emplace_back(row, column);
    }
  }
  std::vector<Line> ways;
  const auto most = static_cast<std::int64_t>(kMostRise * static_cast<double>(grid.width()));
  const auto least = static_cast<std::int64_t>(kLeastLine * static_cast<double>(grid.width()));
  for (auto rise = -most; rise <= most; rise += 2) {
    Line line{0, rise};
    std::vector<std::int64_t> lift;
    for (std::int64_t column = 0; column < grid.width(); ++column) lift.push_back(line.row_at(column, grid.width()));
    std::vector<std::int64_t> hits(static_cast<std::size_t>(grid.height() + 2 * most + 2));
    for (const auto& [row, column] : inked) {
      ++hits[static_cast<std::size_t>(row - lift[static_cast<std::size_t>(column)] + most)];
    }
    for (std::size_t place = 0; place < hits.size(); ++place) {
      line.row = static_cast<std::int64_t>(place) - most;
      line.hits = hits[place];
      if (line.hits < least) continue;
      line.columns = std::count_if(lift.begin(), lift.end(), [&](std::int64_t up) {
        return line.row + up >= 0 && line.row + up < grid.height();
      });
      if (line.share() >= kAcross) ways.push_back(line);
    }
  }
  std::stable_sort(ways.begin(), ways.end(), [](const Line& a, const Line& b) { return a.hits > b.hits; });
  return ways;
}

// The median thickness over the columns with a run.
std::int64_t thickness_of(const Line& line, const Grid& grid) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t column = 0; column < grid.width(); ++column) {
    const auto row = line.row_at(column, grid.width());
    if (!grid.has_ink(row, column)) continue;
    const auto [begin, end] = grid.run(row, column);
    lengths.push_back(end - begin);
  }
  const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
  std::nth_element(lengths.begin(), middle, lengths.end());
  return *middle;
}

std::vector<Line> ruled_lines(const Grid& grid) {
  constexpr std::int64_t kApart = 5;  // minimum number of rows between two lines
  const auto most = std::max(3.0, kMostThickness * static_cast<double>(grid.height()));
  std::vector<Line> lines;
  for (Line way : ways_across(grid)) {
    const bool is_new = std::none_of(lines.begin(), lines.end(), [&](const Line& line) {
      return std::abs(line.row - way.row) <= std::max(kApart, line.thickness);
    });
    if (!is_new) continue;
    way.thickness = thickness_of(way, grid);
    if (static_cast<double>(way.thickness) <= most) lines.push_back(way);
  }
  if (lines.size() < kSeveral) {
    std::erase_if(lines, [&](const Line& line) {
      return static_cast<double>(line.hits) < kRightAcross * static_cast<double>(grid.width());
    });
  }
  return lines;
}

// Removes the lines along the rows, which were found in `grid`, from `ink`.
void erase(torch::Tensor& ink, const Grid& grid, const std::vector<Line>& lines) {
  auto* values = ink.data_ptr<float>();
  for (const Line& line : lines) {
    const auto longest = line.thickness + line.thickness / 2 + 1;
    for (std::int64_t column = 0; column < grid.width(); ++column) {
      for (const std::int64_t off : {0, -1, 1, -2, 2}) {
        const auto row = line.row_at(column, grid.width()) + off;
        if (!grid.has_ink(row, column)) continue;
        const auto [begin, end] = grid.run(row, column);
        if (end - begin > longest) break;
        for (auto r = std::max<std::int64_t>(begin - 1, 0); r < std::min(end + 1, grid.height()); ++r) {
          values[r * grid.width() + column] = 0;
        }
        break;
      }
    }
  }
}

Unruled without_level_lines(const torch::Tensor& ink) {
  const Grid grid(ink);
  const auto lines = ruled_lines(grid);
  auto result = ink.clone(at::MemoryFormat::Contiguous);
  erase(result, grid, lines);
  return {result, !lines.empty()};
}

}  // namespace

Unruled without_ruling(const torch::Tensor& ink) {
  // At a crossing the horizontal line stays at first, because the vertical line makes it look thick; removing the
  // vertical line removes the rest.
  const auto level = without_level_lines(ink);
  const auto upright = without_level_lines(level.ink.t());
  return {upright.ink.t().contiguous(), level.had_lines || upright.had_lines};
}

}  // namespace mnist
