#include "components.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

namespace mnist {
namespace {

constexpr float kFaint = 0.25F;  // minimum ink of a pixel of a component
constexpr float kStrong = 0.5F;  // minimum ink of the strongest pixel of a component
constexpr double kSpeck = 0.05;  // share of the heaviest component's weight below which a component is dirt
constexpr double kInnerShare =
    0.02;  // the same for all inner components, below which components at the border are kept

// Removes the component of pixel `start` from `ink` and returns it.
Component extract_component(std::vector<float>& ink, std::int64_t height, std::int64_t width, std::int64_t start) {
  Component component{.top = height, .left = width};
  const auto add_pixel = [&](std::int64_t pixel) {
    auto& value = ink[static_cast<std::size_t>(pixel)];
    if (value <= kFaint) return;
    component.weight += value;
    component.strongest = std::max(component.strongest, value);
    component.pixels.push_back(pixel);
    value = 0;
  };
  add_pixel(start);
  for (std::size_t next = 0; next < component.pixels.size(); ++next) {
    const auto row = component.pixels[next] / width;
    const auto column = component.pixels[next] % width;
    component.top = std::min(component.top, row);
    component.bottom = std::max(component.bottom, row + 1);
    component.left = std::min(component.left, column);
    component.right = std::max(component.right, column + 1);
    for (auto r = std::max<std::int64_t>(row - 1, 0); r <= std::min(row + 1, height - 1); ++r) {
      for (auto c = std::max<std::int64_t>(column - 1, 0); c <= std::min(column + 1, width - 1); ++c) {
        add_pixel(r * width + c);
      }
    }
  }
  component.at_border =
      component.top == 0 || component.left == 0 || component.bottom == height || component.right == width;
  return component;
}

double heaviest(const std::vector<Component>& components) {
  double weight = 0;
  for (const auto& component : components) weight = std::max(weight, component.weight);
  return weight;
}

// Straight, nearly level, and far wider than thick.
bool is_level_stroke(const Component& component) {
  constexpr double kLeastLength = 2.5;  // in multiples of the thickness
  constexpr double kMostTilt = 0.2;
  const auto width = static_cast<double>(component.width());
  const auto thickness = static_cast<double>(component.pixels.size()) / width;
  return width >= kLeastLength * thickness && static_cast<double>(component.height()) <= thickness + kMostTilt * width;
}

// The lower part of a broken digit is close to its upper part and not wider; an underline is farther away or wider.
bool underlines(const Component& line, const Component& digit) {
  constexpr double kLeastGap = 0.08;  // of the digit's height
  constexpr double kOverlap = 0.05;   // of the digit's height; the box of a tilted line may overlap the digit
  const auto height = static_cast<double>(digit.height());
  const auto gap = static_cast<double>(line.top - digit.bottom);
  const bool is_below = gap >= -kOverlap * height && gap <= height;
  const bool meets = line.left < digit.right && line.right > digit.left;
  const bool sticks_out = line.left < digit.left && line.right > digit.right;
  return is_below && meets && (sticks_out || gap >= kLeastGap * height);
}

void drop_underlines(std::vector<Component>& components) {
  const auto strokes = std::stable_partition(components.begin(), components.end(),
                                             [](const Component& component) { return !is_level_stroke(component); });
  const std::vector<Component> digits(components.begin(), strokes);
  const auto underlines_one = [&](const Component& stroke) {
    return std::any_of(digits.begin(), digits.end(), [&](const Component& digit) { return underlines(stroke, digit); });
  };
  components.erase(std::remove_if(strokes, components.end(), underlines_one), components.end());
}

// Whether the component is a frame: nearly all of its pixels are near the sides of its box, and each corner has ink. An
// oval digit 0 has none in the corners.
bool is_frame(const Component& component, std::int64_t page_width) {
  constexpr double kStrip = 0.15;  // of the box's shorter side
  constexpr double kLeastShare = 0.95;
  const auto shorter = static_cast<double>(std::min(component.width(), component.height()));
  const auto strip = static_cast<std::int64_t>(std::ceil(kStrip * shorter));
  std::int64_t at_sides = 0;
  std::array<bool, 4> corners{};
  for (const auto pixel : component.pixels) {
    const auto row = pixel / page_width;
    const auto column = pixel % page_width;
    const bool left = column < component.left + strip;
    const bool right = column >= component.right - strip;
    const bool top = row < component.top + strip;
    const bool bottom = row >= component.bottom - strip;
    if (left || right || top || bottom) ++at_sides;
    if ((left || right) && (top || bottom)) corners[(left ? 0U : 1U) + (top ? 0U : 2U)] = true;
  }
  return std::ranges::all_of(corners, [](bool inked) { return inked; }) &&
         static_cast<double>(at_sides) >= kLeastShare * static_cast<double>(component.pixels.size());
}

bool is_inside(const Component& inner, const Component& outer) {
  return inner.top > outer.top && inner.bottom < outer.bottom && inner.left > outer.left && inner.right < outer.right;
}

// Drops the frames of form fields: those that a component of some size is in.
void drop_frames(std::vector<Component>& components, std::int64_t page_width) {
  constexpr std::int64_t kMostTimes = 5;  // the frame's height, in multiples of that of its content
  constexpr std::int64_t kLeastSide = 8;  // pixels; noise has thousands of smaller components
  const auto holds = [&](const Component& frame) {
    return std::ranges::any_of(components, [&](const Component& inner) {
      return is_inside(inner, frame) && frame.height() <= kMostTimes * inner.height();
    });
  };
  std::vector<Component> kept;
  std::vector<bool> is_kept;
  for (const Component& one : components) {
    const bool is_large = std::min(one.width(), one.height()) >= kLeastSide;
    is_kept.push_back(!is_large || !is_frame(one, page_width) || !holds(one));
  }
  for (std::size_t i = 0; i < components.size(); ++i) {
    if (is_kept[i]) kept.push_back(std::move(components[i]));
  }
  components = std::move(kept);
}

}  // namespace

std::vector<Component> find_components(const torch::Tensor& ink) {
  const auto height = ink.size(0);
  const auto width = ink.size(1);
  const auto source = ink.contiguous();
  std::vector<float> remaining_ink(source.data_ptr<float>(), source.data_ptr<float>() + source.numel());
  std::vector<Component> components;
  for (std::int64_t pixel = 0; pixel < source.numel(); ++pixel) {
    if (remaining_ink[static_cast<std::size_t>(pixel)] <= kFaint) continue;
    auto component = extract_component(remaining_ink, height, width, pixel);
    if (component.strongest >= kStrong) components.push_back(std::move(component));
  }
  return components;
}

std::vector<Component> digit_components(std::vector<Component> components, std::int64_t page_width,
                                        double least_extent) {
  drop_frames(components, page_width);
  std::erase_if(components, [&](const Component& component) {
    return component.at_border && static_cast<double>(std::max(component.height(), component.width())) < least_extent;
  });
  const auto is_inner = [](const Component& component) { return !component.at_border; };
  const auto border = std::stable_partition(components.begin(), components.end(), is_inner);
  const std::vector<Component> outer(std::make_move_iterator(border), std::make_move_iterator(components.end()));
  components.erase(border, components.end());
  if (heaviest(components) < kInnerShare * heaviest(outer)) {
    components.insert(components.end(), outer.begin(), outer.end());
  }
  const auto least = kSpeck * heaviest(components);
  std::erase_if(components, [&](const Component& component) { return component.weight < least; });
  drop_underlines(components);
  return components;
}

}  // namespace mnist
