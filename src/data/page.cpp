#include "page.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include <ATen/ops/cat.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/where.h>

#include "ink.hpp"
#include "marks.hpp"
#include "ruling.hpp"
#include "sheet.hpp"

namespace mnist {
namespace {

constexpr std::int64_t kWorkingSide = 512;  // pixels; a digit of a tenth of the picture still has twice MNIST's detail
constexpr double kLeastSignal = 2;          // mean ink of a digit, by the ground's
constexpr double kLeastExtent = 1.0 / 40;   // of the picture's longer side; less is a speck

// The box round all marks.
Mark all_of(const std::vector<Mark>& marks) {
  Mark all = marks.front();
  for (const Mark& mark : marks) {
    all.top = std::min(all.top, mark.top);
    all.left = std::min(all.left, mark.left);
    all.bottom = std::max(all.bottom, mark.bottom);
    all.right = std::max(all.right, mark.right);
  }
  return all;
}

// The soft ink that nineteen of twenty pixels of the ground stay below: noise, and the paper's own grain. 0 where the
// marks leave hardly any ground.
double ground_level(const Ink& ink, const std::vector<Mark>& marks) {
  constexpr std::int64_t kMargin = 3;  // pixels round a mark that are still its edge
  constexpr double kLeastGround = 0.05;
  auto inked = torch::zeros_like(ink.soft);
  for (const Mark& mark : marks) {
    for (const auto pixel : mark.pixels) inked.data_ptr<float>()[pixel] = 1;
  }
  constexpr auto kSide = 2 * kMargin + 1;
  const auto near = at::max_pool2d(inked.unsqueeze(0), {kSide, kSide}, {1, 1}, {kMargin, kMargin}).squeeze(0) > 0;
  const auto ground = std::get<0>(ink.soft.masked_select(~near).sort());
  const auto count = static_cast<double>(ground.size(0));
  if (count < std::max(1.0, kLeastGround * static_cast<double>(ink.soft.numel()))) return 0;
  return ground[static_cast<std::int64_t>(0.95 * count)].item<double>();
}

bool is_written(const Mark& mark, const Ink& ink, double ground) {
  const auto longer = static_cast<double>(std::max(ink.soft.size(0), ink.soft.size(1)));
  const auto extent = static_cast<double>(std::max(mark.height(), mark.width()));
  const auto mean = mark.weight / static_cast<double>(mark.pixels.size());
  return extent >= kLeastExtent * longer && mean >= kLeastSignal * ground;
}

// From the sheet to the pixels of the picture, which was scaled to the working size.
PictureBox box_on(const torch::Tensor& grey, const Sheet& sheet, const Mark& mark) {
  const auto longer = std::max(grey.size(1), grey.size(2));
  const auto scale = std::max(1.0, static_cast<double>(longer) / static_cast<double>(kWorkingSide));
  const auto scaled = [&](std::int64_t place) { return std::llround(static_cast<double>(place) * scale); };
  return {scaled(sheet.left + mark.left), scaled(sheet.top + mark.top), scaled(mark.width()), scaled(mark.height())};
}

// At the working size: light digits on a darker ground.
Sheet light_digits(const torch::Tensor& grey, Invert invert) {
  const auto picture = shrink_to(grey, kWorkingSide).to(torch::kFloat32);
  Sheet sheet{picture, invert == Invert::always};
  if (invert == Invert::automatic) {
    const auto found = find_sheet(picture);
    sheet = found ? *found : Sheet{picture, has_light_ground(grey)};
  }
  if (sheet.light) sheet.picture = 255 - sheet.picture;
  return sheet;
}

// With what is left stretched to 0 to 1; none where that is nothing.
std::optional<Ink> ink_without_ruling(Ink ink) {
  const auto kept = without_ruling(ink.soft);
  const auto strongest = kept.max().item<double>();
  if (strongest * ink.range < kLeastContrast) return std::nullopt;
  ink.sharp = (at::where(kept > 0, ink.sharp, kept) / strongest).clamp_max(1);
  ink.soft = kept / strongest;
  ink.range *= strongest;
  return ink;
}

}  // namespace

// Half-way between the extremes rather than 127.5: paper in the shade is darker than that.
bool has_light_ground(const torch::Tensor& grey) {
  const auto plane = grey.squeeze(0);
  const auto border = at::cat({plane.select(0, 0), plane.select(0, -1), plane.select(1, 0), plane.select(1, -1)});
  const auto darkest = plane.min().item<double>();
  const auto lightest = plane.max().item<double>();
  const auto middle = darkest == lightest ? 127.5 : (darkest + lightest) / 2;
  return border.to(torch::kFloat32).mean().item<double>() > middle;
}

std::vector<WrittenDigit> read_page(const torch::Tensor& grey, Invert invert) {
  const Sheet sheet = light_digits(grey, invert);
  auto ink = find_ink(sheet.picture);
  if (ink) ink = ink_without_ruling(std::move(*ink));
  if (!ink) return {};
  auto all_marks = find_marks(ink->soft);
  const double ground = ground_level(*ink, all_marks);
  auto marks = digit_marks(std::move(all_marks));
  std::erase_if(marks, [&](const Mark& mark) { return !is_written(mark, *ink, ground); });
  if (marks.empty()) return {};
  const Mark all = all_of(marks);
  return {{ink->sharp.slice(0, all.top, all.bottom).slice(1, all.left, all.right), box_on(grey, sheet, all)}};
}

}  // namespace mnist
