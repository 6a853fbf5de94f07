#include "marks.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mnist {
namespace {

constexpr float kFaint = 0.25F;  // ink from which a pixel can belong to a mark
constexpr float kStrong = 0.5F;  // ink that a mark reaches somewhere
constexpr double kSpeck = 0.05;  // weight of a mark, as a share of the heaviest, below which it is dirt
constexpr double kInnerShare =
    0.02;  // the same for all marks inside, below which one that runs out of the picture wins

// Takes the mark with the pixel `start` out of `ink`.
Mark take_mark(std::vector<float>& ink, std::int64_t height, std::int64_t width, std::int64_t start) {
  Mark mark{.top = height, .left = width};
  const auto take = [&](std::int64_t pixel) {
    auto& value = ink[static_cast<std::size_t>(pixel)];
    if (value <= kFaint) return;
    mark.weight += value;
    mark.strongest = std::max(mark.strongest, value);
    mark.pixels.push_back(pixel);
    value = 0;
  };
  take(start);
  for (std::size_t next = 0; next < mark.pixels.size(); ++next) {
    const auto row = mark.pixels[next] / width;
    const auto column = mark.pixels[next] % width;
    mark.top = std::min(mark.top, row);
    mark.bottom = std::max(mark.bottom, row + 1);
    mark.left = std::min(mark.left, column);
    mark.right = std::max(mark.right, column + 1);
    for (auto r = std::max<std::int64_t>(row - 1, 0); r <= std::min(row + 1, height - 1); ++r) {
      for (auto c = std::max<std::int64_t>(column - 1, 0); c <= std::min(column + 1, width - 1); ++c) {
        take(r * width + c);
      }
    }
  }
  mark.at_border = mark.top == 0 || mark.left == 0 || mark.bottom == height || mark.right == width;
  return mark;
}

double heaviest(const std::vector<Mark>& marks) {
  double weight = 0;
  for (const auto& mark : marks) weight = std::max(weight, mark.weight);
  return weight;
}

// Straight, nearly level, and far wider than thick.
bool is_level_stroke(const Mark& mark) {
  constexpr double kLeastLength = 2.5;  // by the thickness
  constexpr double kMostTilt = 0.2;
  const auto width = static_cast<double>(mark.width());
  const auto thickness = static_cast<double>(mark.pixels.size()) / width;
  return width >= kLeastLength * thickness && static_cast<double>(mark.height()) <= thickness + kMostTilt * width;
}

// The foot of a broken digit lies close below the rest of it, and ends where that does; an underline does not.
bool underlines(const Mark& line, const Mark& digit) {
  constexpr double kLeastGap = 0.08;  // of the digit's height
  constexpr double kOverlap = 0.05;   // the same; a tilted line's box reaches up
  const auto height = static_cast<double>(digit.height());
  const auto gap = static_cast<double>(line.top - digit.bottom);
  const bool is_below = gap >= -kOverlap * height && gap <= height;
  const bool meets = line.left < digit.right && line.right > digit.left;
  const bool sticks_out = line.left < digit.left && line.right > digit.right;
  return is_below && meets && (sticks_out || gap >= kLeastGap * height);
}

void drop_underlines(std::vector<Mark>& marks) {
  const auto strokes =
      std::stable_partition(marks.begin(), marks.end(), [](const Mark& mark) { return !is_level_stroke(mark); });
  const std::vector<Mark> digits(marks.begin(), strokes);
  const auto underlines_one = [&](const Mark& stroke) {
    return std::any_of(digits.begin(), digits.end(), [&](const Mark& digit) { return underlines(stroke, digit); });
  };
  marks.erase(std::remove_if(strokes, marks.end(), underlines_one), marks.end());
}

}  // namespace

std::vector<Mark> find_marks(const torch::Tensor& ink) {
  const auto height = ink.size(0);
  const auto width = ink.size(1);
  const auto source = ink.contiguous();
  std::vector<float> left(source.data_ptr<float>(), source.data_ptr<float>() + source.numel());
  std::vector<Mark> marks;
  for (std::int64_t pixel = 0; pixel < source.numel(); ++pixel) {
    if (left[static_cast<std::size_t>(pixel)] <= kFaint) continue;
    auto mark = take_mark(left, height, width, pixel);
    if (mark.strongest >= kStrong) marks.push_back(std::move(mark));
  }
  return marks;
}

std::vector<Mark> digit_marks(std::vector<Mark> marks, double least_extent) {
  std::erase_if(marks, [&](const Mark& mark) {
    return mark.at_border && static_cast<double>(std::max(mark.height(), mark.width())) < least_extent;
  });
  const auto is_inner = [](const Mark& mark) { return !mark.at_border; };
  const auto border = std::stable_partition(marks.begin(), marks.end(), is_inner);
  const std::vector<Mark> outer(std::make_move_iterator(border), std::make_move_iterator(marks.end()));
  marks.erase(border, marks.end());
  if (heaviest(marks) < kInnerShare * heaviest(outer)) marks.insert(marks.end(), outer.begin(), outer.end());
  const auto least = kSpeck * heaviest(marks);
  std::erase_if(marks, [&](const Mark& mark) { return mark.weight < least; });
  drop_underlines(marks);
  return marks;
}

}  // namespace mnist
