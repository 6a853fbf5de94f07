#include "digit_groups.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <utility>

namespace mnist {
namespace {

constexpr double kLeastHeight = 0.45;  // of a digit, by the highest mark's

double height_of(const Mark& mark) {
  return static_cast<double>(mark.height());
}

// How far apart two marks are, beside each other and above each other; negative: so far they overlap.
struct Gap {
  double across;
  double down;
};

Gap gap_between(const Mark& a, const Mark& b) {
  return {static_cast<double>(std::max(a.left, b.left) - std::min(a.right, b.right)),
          static_cast<double>(std::max(a.top, b.top) - std::min(a.bottom, b.bottom))};
}

void grow(Mark& box, const Mark& mark) {
  box.top = std::min(box.top, mark.top);
  box.bottom = std::max(box.bottom, mark.bottom);
  box.left = std::min(box.left, mark.left);
  box.right = std::max(box.right, mark.right);
}

// Whether two marks as high as digits are parts of one.
bool are_one(const Mark& a, const Mark& b, double highest) {
  constexpr double kMostDown = 0.2;     // between parts above each other, of the lower one's height
  constexpr double kOverlap = 0.35;     // of parts on top of each other, of the narrower one's width
  constexpr double kMostAcross = 0.06;  // between parts beside each other, of the highest mark's height
  constexpr double kWidest = 0.75;      // a digit, by its height
  constexpr double kMostBreak = 0.1;    // the same where both could be digits by themselves
  constexpr double kWhole = 0.8;        // of the highest mark's height; what could be a digit by itself
  const Gap gap = gap_between(a, b);
  Mark both = a;
  grow(both, b);
  const auto narrower = static_cast<double>(std::min(a.width(), b.width()));
  if (gap.down > 0) {
    const double lower = std::min(height_of(a), height_of(b));
    const double most = lower >= kWhole * highest ? kMostBreak : kMostDown;
    return -gap.across >= kOverlap * narrower && gap.down <= most * lower;
  }
  const bool is_narrow = static_cast<double>(both.width()) <= kWidest * height_of(both);
  return -gap.across >= kOverlap * narrower || (gap.across <= kMostAcross * highest && is_narrow);
}

void join(DigitMarks& digit, DigitMarks other) {
  grow(digit.box, other.box);
  std::move(other.marks.begin(), other.marks.end(), std::back_inserter(digit.marks));
}

DigitMarks digit_of(Mark mark) {
  Mark box = mark;
  box.pixels.clear();
  return {{std::move(mark)}, box};
}

void join_parts(std::vector<DigitMarks>& digits, double highest) {
  for (std::size_t i = 0; i < digits.size(); ++i) {
    // What has grown may meet others, also those before it.
    for (std::size_t other = 0; other < digits.size();) {
      if (other == i || !are_one(digits[i].box, digits[other].box, highest)) {
        ++other;
        continue;
      }
      join(digits[i], std::move(digits[other]));
      digits.erase(digits.begin() + static_cast<std::ptrdiff_t>(other));
      if (other < i) --i;
      other = 0;
    }
  }
}

// To the nearest digit, if it is near.
void add_small_mark(std::vector<DigitMarks>& digits, Mark mark) {
  constexpr double kNear = 0.35;  // of the digit's height
  DigitMarks* nearest = nullptr;
  double least = 0;
  for (DigitMarks& digit : digits) {
    const Gap gap = gap_between(digit.box, mark);
    const double away = std::hypot(std::max(gap.across, 0.0), std::max(gap.down, 0.0)) / height_of(digit.box);
    if (nearest == nullptr || away < least) {
      nearest = &digit;
      least = away;
    }
  }
  if (nearest != nullptr && least <= kNear) join(*nearest, digit_of(std::move(mark)));
}

// A digit is on the line of another if half of the lower one's height is beside it.
void put_in_order(std::vector<DigitMarks>& digits) {
  const auto middle = [](const DigitMarks& digit) { return digit.box.top + digit.box.bottom; };
  std::sort(digits.begin(), digits.end(), [&](const auto& a, const auto& b) { return middle(a) < middle(b); });
  std::int64_t line = 0;
  for (std::size_t i = 1; i < digits.size(); ++i) {
    const Mark& before = digits[i - 1].box;
    const Mark& box = digits[i].box;
    const double beside = -gap_between(before, box).down;
    if (beside < 0.5 * std::min(height_of(before), height_of(box))) ++line;
    digits[i].line = line;
  }
  std::stable_sort(digits.begin(), digits.end(), [](const auto& a, const auto& b) {
    return std::pair(a.line, a.box.left) < std::pair(b.line, b.box.left);
  });
}

}  // namespace

std::vector<DigitMarks> digits_of(std::vector<Mark> marks) {
  double highest = 0;
  for (const Mark& mark : marks) highest = std::max(highest, height_of(mark));
  std::vector<DigitMarks> digits;
  std::vector<Mark> small;
  for (Mark& mark : marks) {
    if (height_of(mark) >= kLeastHeight * highest) {
      digits.push_back(digit_of(std::move(mark)));
    } else {
      small.push_back(std::move(mark));
    }
  }
  join_parts(digits, highest);
  for (Mark& mark : small) add_small_mark(digits, std::move(mark));
  put_in_order(digits);
  return digits;
}

}  // namespace mnist
