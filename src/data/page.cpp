#include "page.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/where.h>

#include "components.hpp"
#include "digit_groups.hpp"
#include "ink.hpp"
#include "ruling.hpp"
#include "sheet.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kWorkingSide = 512;  // pixels; a digit of a tenth of the picture still has twice MNIST's detail
constexpr double kLeastSignal = 2;          // mean ink of a digit, in multiples of the background's noise, ...
constexpr double kLeastSmallSignal = 4;     // ... and of a small digit
constexpr double kSmall = 1.0 / 8;          // of the picture's longer side
constexpr double kLongestEnd = 0.2;         // of the picture's longer side; a remaining end of a ruled line
constexpr double kLeastExtent = 1.0 / 40;   // of the picture's longer side; less is a speck

// The 95th percentile of soft ink in the background: noise and paper texture. 0 if the components leave almost no
// background.
double ground_level(const Ink& ink, const std::vector<Component>& components) {
  constexpr std::int64_t kMargin = 3;  // pixels around a component that belong to its edge
  constexpr double kLeastGround = 0.05;
  auto inked = torch::zeros_like(ink.soft);
  for (const Component& component : components) {
    for (const auto pixel : component.pixels) inked.data_ptr<float>()[pixel] = 1;
  }
  constexpr auto kWindow = 2 * kMargin + 1;
  const auto around = at::max_pool2d(inked.unsqueeze(0), {kWindow, kWindow}, {1, 1}, {kMargin, kMargin}).squeeze(0) > 0;
  const auto ground = std::get<0>(ink.soft.masked_select(~around).sort());
  const auto count = static_cast<double>(ground.size(0));
  if (count < std::max(1.0, kLeastGround * static_cast<double>(ink.soft.numel()))) return 0;
  return ground[static_cast<std::int64_t>(0.95 * count)].item<double>();
}

// A solid spot, such as a full stop: as wide as high, and without gaps.
bool is_dot(const Component& component) {
  constexpr double kLeastFill = 0.7;  // of its box; a disc fills 0.79 of it
  constexpr double kLongest = 1.4;    // times the other side
  const auto height = static_cast<double>(component.height());
  const auto width = static_cast<double>(component.width());
  const bool is_square = std::max(height, width) <= kLongest * std::min(height, width);
  return is_square && static_cast<double>(component.pixels.size()) >= kLeastFill * height * width;
}

// A small component must be stronger: noise can be as faint as a digit, but not as large.
bool is_written(const Component& component, const Ink& ink, double ground) {
  const auto longer = static_cast<double>(std::max(ink.soft.size(0), ink.soft.size(1)));
  const auto extent = static_cast<double>(std::max(component.height(), component.width())) / longer;
  const auto mean = component.weight / static_cast<double>(component.pixels.size());
  if (extent < kSmall && is_dot(component)) return false;
  return extent >= kLeastExtent && mean >= ground * (extent < kSmall ? kLeastSmallSignal : kLeastSignal);
}

// Whether a stroke at the border is as high as the digits, not much wider, and touches one side only. Table edges and
// shadows are longer, and usually touch two sides.
bool has_stroke_at_edge(const std::vector<Component>& components, double highest, const Ink& ink, double ground) {
  constexpr double kLeastShare = 0.5;  // of the highest digit
  constexpr double kMostSize = 1.5;
  return std::ranges::any_of(components, [&](const Component& component) {
    const int sides = (component.top == 0 ? 1 : 0) + (component.left == 0 ? 1 : 0) +
                      (component.bottom == ink.soft.size(0) ? 1 : 0) + (component.right == ink.soft.size(1) ? 1 : 0);
    const auto height = static_cast<double>(component.height());
    const auto width = static_cast<double>(component.width());
    return sides == 1 && height >= kLeastShare * highest && std::max(height, width) <= kMostSize * highest &&
           is_written(component, ink, ground);
  });
}

// Whether a component is as strong as a digit, whatever its size.
bool has_marks(const std::vector<Component>& components, double ground) {
  constexpr std::size_t kFewMarks = 50;  // more of them are texture
  return components.size() <= kFewMarks && std::ranges::any_of(components, [&](const Component& component) {
           return component.weight >= kLeastSmallSignal * ground * static_cast<double>(component.pixels.size());
         });
}

// What may be wrong with the digits that were found.
PictureNote note_of(const std::vector<DigitComponents>& digits, const std::vector<Component>& all, const Ink& ink,
                    double ground) {
  constexpr double kWide = 1.3;  // times the height
  double highest = 0;
  bool is_wide = false;
  for (const DigitComponents& digit : digits) {
    if (std::ranges::any_of(digit.components, &Component::at_border)) return PictureNote::digit_at_edge;
    highest = std::max(highest, static_cast<double>(digit.box.height()));
    is_wide = is_wide || static_cast<double>(digit.box.width()) > kWide * static_cast<double>(digit.box.height());
  }
  if (has_stroke_at_edge(all, highest, ink, ground)) return PictureNote::stroke_at_edge;
  return is_wide ? PictureNote::wide_digit : PictureNote::none;
}

// float [H, W]: the number of the pixel's digit (from 1); 0 for the background and for specks, which may be parts of a
// broken stroke; -1 for other components.
torch::Tensor owners_of(const std::vector<Component>& components, const std::vector<DigitComponents>& digits,
                        const Ink& ink) {
  constexpr double kBrokenOff = 0.05;  // of the heaviest component's weight
  auto owners = torch::zeros_like(ink.soft);
  const auto set = [&](const Component& component, float owner) {
    for (const auto pixel : component.pixels) owners.data_ptr<float>()[pixel] = owner;
  };
  double heaviest = 0;
  for (const DigitComponents& digit : digits) {
    for (const Component& component : digit.components) heaviest = std::max(heaviest, component.weight);
  }
  for (const Component& component : components) set(component, component.weight < kBrokenOff * heaviest ? 0 : -1);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    for (const Component& component : digits[i].components) set(component, static_cast<float>(i + 1));
  }
  return owners;
}

// The ink in the box, without other digits and components and their edges.
torch::Tensor ink_of(const Component& box, std::int64_t owner, const Ink& ink, const torch::Tensor& owners) {
  constexpr std::int64_t kEdge = 2;  // pixels
  const auto in_box = [&](const torch::Tensor& plane) {
    return plane.slice(0, box.top, box.bottom).slice(1, box.left, box.right);
  };
  const auto own = in_box(owners);
  const auto foreign = ((own != 0) & (own != owner)).to(torch::kFloat32).unsqueeze(0);
  constexpr auto kWindow = 2 * kEdge + 1;
  const auto around = at::max_pool2d(foreign, {kWindow, kWindow}, {1, 1}, {kEdge, kEdge}).squeeze(0) > 0;
  return in_box(ink.sharp).masked_fill(around & (own != owner), 0);
}

// Converts sheet coordinates at the working size to pixels of the picture.
PictureBox box_on(const torch::Tensor& grey, const Sheet& sheet, const Component& component) {
  const auto longer = std::max(grey.size(1), grey.size(2));
  const auto scale = std::max(1.0, static_cast<double>(longer) / static_cast<double>(kWorkingSide));
  const auto scaled = [&](std::int64_t place) { return std::llround(static_cast<double>(place) * scale); };
  return {scaled(sheet.left + component.left), scaled(sheet.top + component.top), scaled(component.width()),
          scaled(component.height())};
}

// Subtracts the light gradient: a shadow can be darker than a pencil stroke and would mislead the border test.
torch::Tensor without_light_gradient(const torch::Tensor& picture) {
  constexpr std::int64_t kSmallSide = 128;  // pixels; noise is averaged away
  const auto shrunk = shrink_to(picture, kSmallSide);
  return shrunk - fit_plane(shrunk);
}

// The page at the working size, with light digits on a darker background.
Sheet light_digits(const torch::Tensor& grey, Invert invert) {
  const auto picture = shrink_to(grey, kWorkingSide).to(torch::kFloat32);
  Sheet sheet{picture, invert == Invert::always};
  if (invert == Invert::automatic) {
    const auto found = find_sheet(picture);
    sheet = found ? *found : Sheet{picture, has_light_ground(without_light_gradient(picture))};
  }
  if (sheet.light) sheet.picture = 255 - sheet.picture;
  return sheet;
}

// Rescales the remaining ink to 0..1; returns nothing if too little ink remains.
std::optional<Ink> stretched(Ink ink, const torch::Tensor& kept) {
  const auto strongest = kept.max().item<double>();
  if (strongest * ink.range < kLeastContrast) return std::nullopt;
  ink.sharp = (at::where(kept > 0, ink.sharp, kept) / strongest).clamp_max(1);
  ink.soft = kept / strongest;
  ink.range *= strongest;
  return ink;
}

}  // namespace

// The threshold is the mean of the extremes instead of 127.5, because paper in the shade is darker.
bool has_light_ground(const torch::Tensor& picture) {
  const auto plane = picture.squeeze(0);
  const auto border = at::cat({plane.select(0, 0), plane.select(0, -1), plane.select(1, 0), plane.select(1, -1)});
  const auto darkest = plane.min().item<double>();
  const auto lightest = plane.max().item<double>();
  const auto middle = darkest == lightest ? 127.5 : (darkest + lightest) / 2;
  return border.to(torch::kFloat32).mean().item<double>() > middle;
}

Page read_page(const torch::Tensor& grey, Invert invert) {
  const Sheet sheet = light_digits(grey, invert);
  auto ink = find_ink(sheet.picture);
  if (!ink) return {};
  const auto unruled = without_ruling(ink->soft);
  ink = stretched(*ink, unruled.ink);
  if (!ink) return {};
  const auto all_components = find_components(ink->soft);
  const double ground = ground_level(*ink, all_components);
  // At the border there are also ends of ruled lines.
  const auto longer = static_cast<double>(std::max(ink->soft.size(0), ink->soft.size(1)));
  auto components = digit_components(all_components, ink->soft.size(1), unruled.had_lines ? kLongestEnd * longer : 0);
  const bool marks = has_marks(components, ground);
  std::erase_if(components, [&](const Component& component) { return !is_written(component, *ink, ground); });
  if (components.empty()) return {{}, marks ? PictureNote::small_marks : PictureNote::none};
  const auto digits = digits_of(std::move(components));
  const auto owners = owners_of(all_components, digits, *ink);
  Page page{{}, note_of(digits, all_components, *ink, ground)};
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const auto owner = static_cast<std::int64_t>(i) + 1;
    page.digits.push_back(
        {ink_of(digits[i].box, owner, *ink, owners), box_on(grey, sheet, digits[i].box), digits[i].line});
  }
  return page;
}

}  // namespace mnist
