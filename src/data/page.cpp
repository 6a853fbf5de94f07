#include "page.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/where.h>

#include "digit_groups.hpp"
#include "ink.hpp"
#include "marks.hpp"
#include "ruling.hpp"
#include "sheet.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kWorkingSide = 512;  // pixels; a digit of a tenth of the picture still has twice MNIST's detail
constexpr double kLeastSignal = 2;          // mean ink of a digit, by the ground's, ...
constexpr double kLeastSmallSignal = 4;     // ... and of one that is small
constexpr double kSmall = 1.0 / 8;          // of the picture's longer side
constexpr double kLongestEnd = 0.2;         // of the picture's longer side; of a line of the paper that was left
constexpr double kLeastExtent = 1.0 / 40;   // of the picture's longer side; less is a speck

// The soft ink that nineteen of twenty pixels of the ground stay below: noise, and the paper's own grain. 0 where the
// marks leave hardly any ground.
double ground_level(const Ink& ink, const std::vector<Mark>& marks) {
  constexpr std::int64_t kMargin = 3;  // pixels round a mark that are still its edge
  constexpr double kLeastGround = 0.05;
  auto inked = torch::zeros_like(ink.soft);
  for (const Mark& mark : marks) {
    for (const auto pixel : mark.pixels) inked.data_ptr<float>()[pixel] = 1;
  }
  constexpr auto kWindow = 2 * kMargin + 1;
  const auto near = at::max_pool2d(inked.unsqueeze(0), {kWindow, kWindow}, {1, 1}, {kMargin, kMargin}).squeeze(0) > 0;
  const auto ground = std::get<0>(ink.soft.masked_select(~near).sort());
  const auto count = static_cast<double>(ground.size(0));
  if (count < std::max(1.0, kLeastGround * static_cast<double>(ink.soft.numel()))) return 0;
  return ground[static_cast<std::int64_t>(0.95 * count)].item<double>();
}

// What is small must be stronger: a cloud of noise can be as faint, but not as large as a digit.
bool is_written(const Mark& mark, const Ink& ink, double ground) {
  const auto longer = static_cast<double>(std::max(ink.soft.size(0), ink.soft.size(1)));
  const auto extent = static_cast<double>(std::max(mark.height(), mark.width())) / longer;
  const auto mean = mark.weight / static_cast<double>(mark.pixels.size());
  return extent >= kLeastExtent && mean >= ground * (extent < kSmall ? kLeastSmallSignal : kLeastSignal);
}

// float [H, W]: of each pixel, the number of the digit (from 1) to whose marks it belongs, 0 for the ground and for
// specks, which may be broken off a stroke, -1 for other marks.
torch::Tensor owners_of(const std::vector<Mark>& marks, const std::vector<DigitMarks>& digits, const Ink& ink) {
  constexpr double kBrokenOff = 0.05;  // of the heaviest mark's weight
  auto owners = torch::zeros_like(ink.soft);
  const auto set = [&](const Mark& mark, float owner) {
    for (const auto pixel : mark.pixels) owners.data_ptr<float>()[pixel] = owner;
  };
  double heaviest = 0;
  for (const DigitMarks& digit : digits) {
    for (const Mark& mark : digit.marks) heaviest = std::max(heaviest, mark.weight);
  }
  for (const Mark& mark : marks) set(mark, mark.weight < kBrokenOff * heaviest ? 0 : -1);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    for (const Mark& mark : digits[i].marks) set(mark, static_cast<float>(i + 1));
  }
  return owners;
}

// The ink in the box, without what belongs to others and their edges.
torch::Tensor ink_of(const Mark& box, std::int64_t owner, const Ink& ink, const torch::Tensor& owners) {
  constexpr std::int64_t kEdge = 2;  // pixels
  const auto in_box = [&](const torch::Tensor& plane) {
    return plane.slice(0, box.top, box.bottom).slice(1, box.left, box.right);
  };
  const auto own = in_box(owners);
  const auto foreign = ((own != 0) & (own != owner)).to(torch::kFloat32).unsqueeze(0);
  constexpr auto kWindow = 2 * kEdge + 1;
  const auto near = at::max_pool2d(foreign, {kWindow, kWindow}, {1, 1}, {kEdge, kEdge}).squeeze(0) > 0;
  return in_box(ink.sharp).masked_fill(near & (own != owner), 0);
}

// From the sheet to the pixels of the picture, which was scaled to the working size.
PictureBox box_on(const torch::Tensor& grey, const Sheet& sheet, const Mark& mark) {
  const auto longer = std::max(grey.size(1), grey.size(2));
  const auto scale = std::max(1.0, static_cast<double>(longer) / static_cast<double>(kWorkingSide));
  const auto scaled = [&](std::int64_t place) { return std::llround(static_cast<double>(place) * scale); };
  return {scaled(sheet.left + mark.left), scaled(sheet.top + mark.top), scaled(mark.width()), scaled(mark.height())};
}

// A shadow can be darker than a pencil: with it, the border would say nothing.
torch::Tensor without_slope(const torch::Tensor& picture) {
  constexpr std::int64_t kSmallSide = 128;  // pixels; noise is averaged away
  const auto small = shrink_to(picture, kSmallSide);
  return small - slope(small);
}

// At the working size: light digits on a darker ground.
Sheet light_digits(const torch::Tensor& grey, Invert invert) {
  const auto picture = shrink_to(grey, kWorkingSide).to(torch::kFloat32);
  Sheet sheet{picture, invert == Invert::always};
  if (invert == Invert::automatic) {
    const auto found = find_sheet(picture);
    sheet = found ? *found : Sheet{picture, has_light_ground(without_slope(picture))};
  }
  if (sheet.light) sheet.picture = 255 - sheet.picture;
  return sheet;
}

// With what is left stretched to 0 to 1; none where that is nothing.
std::optional<Ink> stretched(Ink ink, const torch::Tensor& kept) {
  const auto strongest = kept.max().item<double>();
  if (strongest * ink.range < kLeastContrast) return std::nullopt;
  ink.sharp = (at::where(kept > 0, ink.sharp, kept) / strongest).clamp_max(1);
  ink.soft = kept / strongest;
  ink.range *= strongest;
  return ink;
}

}  // namespace

// Half-way between the extremes rather than 127.5: paper in the shade is darker than that.
bool has_light_ground(const torch::Tensor& picture) {
  const auto plane = picture.squeeze(0);
  const auto border = at::cat({plane.select(0, 0), plane.select(0, -1), plane.select(1, 0), plane.select(1, -1)});
  const auto darkest = plane.min().item<double>();
  const auto lightest = plane.max().item<double>();
  const auto middle = darkest == lightest ? 127.5 : (darkest + lightest) / 2;
  return border.to(torch::kFloat32).mean().item<double>() > middle;
}

std::vector<WrittenDigit> read_page(const torch::Tensor& grey, Invert invert) {
  const Sheet sheet = light_digits(grey, invert);
  auto ink = find_ink(sheet.picture);
  if (!ink) return {};
  const auto unruled = without_ruling(ink->soft);
  ink = stretched(*ink, unruled.ink);
  if (!ink) return {};
  const auto all_marks = find_marks(ink->soft);
  const double ground = ground_level(*ink, all_marks);
  // At the border are also ends of lines.
  const auto longer = static_cast<double>(std::max(ink->soft.size(0), ink->soft.size(1)));
  auto marks = digit_marks(all_marks, unruled.had_lines ? kLongestEnd * longer : 0);
  std::erase_if(marks, [&](const Mark& mark) { return !is_written(mark, *ink, ground); });
  const auto digits = digits_of(std::move(marks));
  const auto owners = owners_of(all_marks, digits, *ink);
  std::vector<WrittenDigit> written;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const auto owner = static_cast<std::int64_t>(i) + 1;
    written.push_back({ink_of(digits[i].box, owner, *ink, owners), box_on(grey, sheet, digits[i].box), digits[i].line});
  }
  return written;
}

}  // namespace mnist
