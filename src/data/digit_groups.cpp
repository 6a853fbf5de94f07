#include "digit_groups.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <utility>

namespace mnist {
namespace {

constexpr double kLeastHeight = 0.45;  // of a digit, as a share of the highest component's height

double height_of(const Component& component) {
  return static_cast<double>(component.height());
}

// The horizontal and vertical distance of two components; negative if they overlap.
struct Gap {
  double across;
  double down;
};

Gap gap_between(const Component& a, const Component& b) {
  return {static_cast<double>(std::max(a.left, b.left) - std::min(a.right, b.right)),
          static_cast<double>(std::max(a.top, b.top) - std::min(a.bottom, b.bottom))};
}

void grow(Component& box, const Component& component) {
  box.top = std::min(box.top, component.top);
  box.bottom = std::max(box.bottom, component.bottom);
  box.left = std::min(box.left, component.left);
  box.right = std::max(box.right, component.right);
}

// Whether two components of digit height are parts of one digit.
bool are_one(const Component& a, const Component& b, double highest) {
  constexpr double kMostDown = 0.2;     // between parts above each other, of the lower one's height
  constexpr double kOverlap = 0.35;     // of parts on top of each other, of the narrower one's width
  constexpr double kMostAcross = 0.06;  // between parts beside each other, of the highest component's height
  constexpr double kWidest = 0.75;      // maximum width of a digit, by its height
  constexpr double kMostBreak = 0.1;    // the same as kMostDown if both could be whole digits
  constexpr double kWhole = 0.8;        // of the highest component's height; minimum height of a whole digit
  const Gap gap = gap_between(a, b);
  Component both = a;
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

void join(DigitComponents& digit, DigitComponents other) {
  grow(digit.box, other.box);
  std::move(other.components.begin(), other.components.end(), std::back_inserter(digit.components));
}

DigitComponents digit_of(Component component) {
  Component box = component;
  box.pixels.clear();
  return {{std::move(component)}, box};
}

void join_parts(std::vector<DigitComponents>& digits, double highest) {
  for (std::size_t i = 0; i < digits.size(); ++i) {
    // A grown digit may meet others, also previous ones.
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

// Adds it to the nearest digit, if that is near.
void add_small_component(std::vector<DigitComponents>& digits, Component component) {
  constexpr double kNear = 0.35;  // of the digit's height
  DigitComponents* nearest = nullptr;
  double least = 0;
  for (DigitComponents& digit : digits) {
    const Gap gap = gap_between(digit.box, component);
    const double away = std::hypot(std::max(gap.across, 0.0), std::max(gap.down, 0.0)) / height_of(digit.box);
    if (nearest == nullptr || away < least) {
      nearest = &digit;
      least = away;
    }
  }
  if (nearest != nullptr && least <= kNear) join(*nearest, digit_of(std::move(component)));
}

// Two digits are on the same line if they overlap vertically by half of the lower one's height.
void put_in_order(std::vector<DigitComponents>& digits) {
  const auto middle = [](const DigitComponents& digit) { return digit.box.top + digit.box.bottom; };
  std::sort(digits.begin(), digits.end(), [&](const auto& a, const auto& b) { return middle(a) < middle(b); });
  std::int64_t line = 0;
  for (std::size_t i = 1; i < digits.size(); ++i) {
    const Component& before = digits[i - 1].box;
    const Component& box = digits[i].box;
    const double beside = -gap_between(before, box).down;
    if (beside < 0.5 * std::min(height_of(before), height_of(box))) ++line;
    digits[i].line = line;
  }
  std::stable_sort(digits.begin(), digits.end(), [](const auto& a, const auto& b) {
    return std::pair(a.line, a.box.left) < std::pair(b.line, b.box.left);
  });
}

}  // namespace

std::vector<DigitComponents> digits_of(std::vector<Component> components) {
  double highest = 0;
  for (const Component& component : components) highest = std::max(highest, height_of(component));
  std::vector<DigitComponents> digits;
  std::vector<Component> small_components;
  for (Component& component : components) {
    if (height_of(component) >= kLeastHeight * highest) {
      digits.push_back(digit_of(std::move(component)));
    } else {
      small_components.push_back(std::move(component));
    }
  }
  join_parts(digits, highest);
  for (Component& component : small_components) add_small_component(digits, std::move(component));
  put_in_order(digits);
  return digits;
}

}  // namespace mnist
