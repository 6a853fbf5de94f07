#include "sheet.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/where.h>

#include "mnist/data/prepare.hpp"

#include "ink.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kSheetSide = 128;  // pixels; a sheet is large
constexpr double kLeastSheet = 0.12;      // of the picture
constexpr double kLeastDesk = 0.1;        // share of the picture's border that is not sheet
constexpr double kLeastPaper = 0.6;       // share of the convex hull that is not ink
constexpr double kMostBays = 0.07;        // share of the hull that is open to the outside; a sheet has straight edges
constexpr double kLeastRectangularity = 0.8;  // area divided by that of the enclosing rectangle; an ellipse has 0.785
constexpr double kLeastSharpness = 0.5;       // step at the edge, divided by the difference of sheet and desk
constexpr double kLeastStep = 24;             // grey levels between sheet and desk
constexpr double kLongest = 3;                // aspect ratio of the rectangle; a stroke is longer

// Otsu's threshold: divides the grey levels into the two classes with the largest difference (N. Otsu, 1979).
double otsu_threshold(const torch::Tensor& values) {
  const auto histogram = values.clamp(0, 255).to(torch::kInt64).flatten().bincount({}, 256).to(torch::kFloat64);
  const auto* counts = histogram.data_ptr<double>();
  double all = 0;
  double all_sum = 0;
  for (int level = 0; level < 256; ++level) {
    all += counts[level];
    all_sum += counts[level] * level;
  }
  double below = 0;
  double sum = 0;
  double best = -1;
  double dividing = 127.5;
  for (int level = 0; level < 255; ++level) {
    below += counts[level];
    sum += counts[level] * level;
    if (below == 0 || below == all) continue;
    const double difference = sum / below - (all_sum - sum) / (all - below);
    const double between = below * (all - below) * difference * difference;
    if (between > best) {
      best = between;
      dividing = level + 0.5;
    }
  }
  return dividing;
}

// A mask from which connected regions are removed.
struct Mask {
  std::int64_t height;
  std::int64_t width;
  std::vector<char> values;
};

Mask mask_of(const torch::Tensor& flags) {
  const auto source = flags.contiguous();
  const auto* values = source.data_ptr<bool>();
  return {source.size(0), source.size(1), {values, values + source.numel()}};
}

using Place = std::pair<std::int64_t, std::int64_t>;  // row, column

// Removes the 4-connected region of a pixel from the mask and returns it.
std::vector<Place> take_region(Mask& mask, std::int64_t row, std::int64_t column) {
  std::vector<Place> region;
  const auto take = [&](std::int64_t r, std::int64_t c) {
    if (r < 0 || c < 0 || r >= mask.height || c >= mask.width) return;
    char& value = mask.values[static_cast<std::size_t>(r * mask.width + c)];
    if (value == 0) return;
    value = 0;
    region.emplace_back(r, c);
  };
  take(row, column);
  std::size_t next = 0;
  while (next < region.size()) {  // `region` grows in the loop
    const auto [r, c] = region[next++];
    take(r - 1, c);
    take(r + 1, c);
    take(r, c - 1);
    take(r, c + 1);
  }
  return region;
}

std::vector<Place> largest_region(Mask mask) {
  std::vector<Place> largest;
  for (std::int64_t row = 0; row < mask.height; ++row) {
    for (std::int64_t column = 0; column < mask.width; ++column) {
      auto region = take_region(mask, row, column);
      if (region.size() > largest.size()) largest = std::move(region);
    }
  }
  return largest;
}

using Corner = std::array<double, 2>;  // y, x

// Twice the area of the triangle; positive if it turns left.
double turn(const Corner& a, const Corner& b, const Corner& c) {
  return (b[1] - a[1]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[1] - a[1]);
}

// The corners of the convex hull of the pixels' corners (A. M. Andrew, 1979).
std::vector<Corner> hull_of(const std::vector<Place>& region) {
  std::vector<Corner> points;
  for (const auto& [row, column] : region) {
    for (const int below : {0, 1}) {
      for (const int right : {0, 1}) {
        points.push_back({static_cast<double>(row + below), static_cast<double>(column + right)});
      }
    }
  }
  std::sort(points.begin(), points.end(),
            [](const Corner& a, const Corner& b) { return a[1] == b[1] ? a[0] < b[0] : a[1] < b[1]; });
  std::vector<Corner> hull;
  for (const bool lower : {true, false}) {
    const auto begin = hull.size();
    for (const Corner& point : points) {
      while (hull.size() >= begin + 2 && turn(hull[hull.size() - 2], hull.back(), point) <= 0) hull.pop_back();
      hull.push_back(point);
    }
    hull.pop_back();
    if (lower) std::reverse(points.begin(), points.end());
  }
  return hull;
}

double area_of(const std::vector<Corner>& hull) {
  double twice = 0;
  for (std::size_t i = 0; i < hull.size(); ++i) {
    twice += turn({0, 0}, hull[i], hull[(i + 1) % hull.size()]);
  }
  return std::abs(twice) / 2;
}

// The sides of the smallest enclosing rectangle, the shorter one first. One of them is parallel to a side of the hull.
std::array<double, 2> rectangle_round(const std::vector<Corner>& hull) {
  std::array<double, 2> sides{1e9, 1e9};
  for (std::size_t i = 0; i < hull.size(); ++i) {
    const Corner& from = hull[i];
    const Corner& to = hull[(i + 1) % hull.size()];
    const double length = std::hypot(to[0] - from[0], to[1] - from[1]);
    const Corner along{(to[0] - from[0]) / length, (to[1] - from[1]) / length};
    std::array<double, 2> least{1e9, 1e9};
    std::array<double, 2> most{-1e9, -1e9};
    for (const Corner& point : hull) {
      const std::array<double, 2> turned{point[0] * along[0] + point[1] * along[1],
                                         point[1] * along[0] - point[0] * along[1]};
      for (std::size_t k = 0; k < 2; ++k) {
        least[k] = std::min(least[k], turned[k]);
        most[k] = std::max(most[k], turned[k]);
      }
    }
    const double a = most[0] - least[0];
    const double b = most[1] - least[1];
    if (a * b < sides[0] * sides[1]) sides = {std::min(a, b), std::max(a, b)};
  }
  return sides;
}

// bool [H, W], the pixels inside the hull.
torch::Tensor filled(const std::vector<Corner>& hull, std::int64_t height, std::int64_t width) {
  auto flags = torch::zeros({height, width}, torch::kBool);
  auto* values = flags.data_ptr<bool>();
  for (std::int64_t row = 0; row < height; ++row) {
    for (std::int64_t column = 0; column < width; ++column) {
      const Corner middle{static_cast<double>(row) + 0.5, static_cast<double>(column) + 0.5};
      bool inside = true;
      for (std::size_t i = 0; i < hull.size() && inside; ++i) {
        inside = turn(hull[i], hull[(i + 1) % hull.size()], middle) >= 0;
      }
      values[row * width + column] = inside;
    }
  }
  return flags;
}

// Dilates `flags` by `reach` pixels; the outside of the picture counts as false.
torch::Tensor dilated(const torch::Tensor& flags, std::int64_t reach) {
  const auto side = 2 * reach + 1;
  return at::max_pool2d(flags.to(torch::kFloat32).unsqueeze(0), {side, side}, {1, 1}, {reach, reach}).squeeze(0) > 0.5;
}

double median_of(const torch::Tensor& plane, const torch::Tensor& flags) {
  return plane.masked_select(flags).median().item<double>();
}

// Whether the grey level changes abruptly at the edge; an uneven light changes slowly.
bool has_sharp_edge(const torch::Tensor& plane, const torch::Tensor& sheet) {
  const auto inside = sheet & dilated(~sheet, 3) & ~dilated(~sheet, 1);
  const auto outside = ~sheet & dilated(sheet, 3) & ~dilated(sheet, 1);
  if (!inside.any().item<bool>() || !outside.any().item<bool>()) return false;
  const double step = median_of(plane, inside) - median_of(plane, outside);
  const double difference = median_of(plane, sheet) - median_of(plane, ~sheet);
  return std::abs(difference) >= kLeastStep && step / difference >= kLeastSharpness;
}

double border_share(const torch::Tensor& flags) {
  const auto sum = [](const torch::Tensor& line) { return line.sum().item<double>(); };
  const auto all = 2.0 * static_cast<double>(flags.size(0) + flags.size(1));
  return (sum(flags.select(0, 0)) + sum(flags.select(0, -1)) + sum(flags.select(1, 0)) + sum(flags.select(1, -1))) /
         all;
}

// Pixels of the hull that are not of the sheet's class and are connected to the border of the picture: neither sheet
// nor ink on it.
double bays(const torch::Tensor& flags, const torch::Tensor& sheet) {
  Mask outside = mask_of(~flags);
  const auto inside = mask_of(sheet);
  double count = 0;
  for (std::int64_t row = 0; row < outside.height; ++row) {
    for (std::int64_t column = 0; column < outside.width; ++column) {
      const bool at_border = row == 0 || column == 0 || row == outside.height - 1 || column == outside.width - 1;
      if (!at_border) continue;
      for (const auto& [r, c] : take_region(outside, row, column)) {
        count += inside.values[static_cast<std::size_t>(r * inside.width + c)];
      }
    }
  }
  return count;
}

// bool [H, W], the sheet among the pixels of one class; nothing if there is none.
std::optional<torch::Tensor> sheet_in(const torch::Tensor& plane, const torch::Tensor& flags) {
  const auto height = flags.size(0);
  const auto width = flags.size(1);
  const auto region = largest_region(mask_of(flags));
  const auto area = static_cast<double>(region.size());
  if (area < kLeastSheet * static_cast<double>(height * width)) return std::nullopt;
  const auto hull = hull_of(region);
  const double hull_area = area_of(hull);
  const auto sides = rectangle_round(hull);
  const auto sheet = filled(hull, height, width);
  const bool is_compact = area >= kLeastPaper * hull_area && bays(flags, sheet) <= kMostBays * hull_area;
  const bool is_rectangle = hull_area >= kLeastRectangularity * sides[0] * sides[1] && sides[1] <= kLongest * sides[0];
  const bool ends = border_share(~sheet) >= kLeastDesk && has_sharp_edge(plane, sheet);
  if (is_compact && is_rectangle && ends) return sheet;
  return std::nullopt;
}

// The first true element and one after the last. `flags`: bool [N], at least one is true.
std::pair<std::int64_t, std::int64_t> extent(const torch::Tensor& flags) {
  const auto places = flags.nonzero();
  return {places.min().item<std::int64_t>(), places.max().item<std::int64_t>() + 1};
}

}  // namespace

std::optional<Sheet> find_sheet(const torch::Tensor& picture) {
  constexpr std::int64_t kLeastSide = 32;  // pixels; a smaller picture shows no desk
  if (std::min(picture.size(1), picture.size(2)) < kLeastSide) return std::nullopt;
  const auto plane = shrink_to(picture, kSheetSide).squeeze(0);
  const auto light = plane > otsu_threshold(plane);
  for (const bool is_light : {true, false}) {
    const auto sheet = sheet_in(plane, is_light ? light : ~light);
    if (!sheet) continue;
    // Excludes the edge and its blur, which are neither sheet nor desk.
    const auto inner = (~dilated(~*sheet, 2)).to(torch::kFloat32);
    const auto beyond = enlarge(fit_plane(plane.unsqueeze(0), inner), picture);
    const auto inside = enlarge(inner.unsqueeze(0), picture) > 0.99;
    if (!inside.any().item<bool>()) continue;  // the sheet consists only of its edge
    const auto [top, bottom] = extent(inside[0].any(1));
    const auto [left, right] = extent(inside[0].any(0));
    const auto all = at::where(inside, picture, beyond);
    return Sheet{all.slice(1, top, bottom).slice(2, left, right), is_light, top, left};
  }
  return std::nullopt;
}

}  // namespace mnist
