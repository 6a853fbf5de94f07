#include "marks.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace mnist {
namespace {

constexpr float kFaint = 0.25F;  // ink from which a pixel can belong to a mark
constexpr float kStrong = 0.5F;  // ink that a mark reaches somewhere
constexpr double kSpeck = 0.05;  // weight of a mark, as a share of the heaviest, below which it is dirt
constexpr double kInnerShare =
    0.02;  // the same for all marks inside, below which one that runs out of the picture wins

struct Mark {
  std::vector<std::int64_t> pixels;  // row * width + column
  double weight = 0;                 // sum of the ink
  float strongest = 0;
  bool at_border = false;
};

// Takes the mark with the pixel `start` out of `ink`.
Mark take_mark(std::vector<float>& ink, std::int64_t height, std::int64_t width, std::int64_t start) {
  Mark mark;
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
    mark.at_border |= row == 0 || column == 0 || row == height - 1 || column == width - 1;
    for (auto r = std::max<std::int64_t>(row - 1, 0); r <= std::min(row + 1, height - 1); ++r) {
      for (auto c = std::max<std::int64_t>(column - 1, 0); c <= std::min(column + 1, width - 1); ++c) {
        take(r * width + c);
      }
    }
  }
  return mark;
}

double heaviest(const std::vector<Mark>& marks) {
  double weight = 0;
  for (const auto& mark : marks) weight = std::max(weight, mark.weight);
  return weight;
}

}  // namespace

torch::Tensor digit_marks(const torch::Tensor& ink) {
  const auto height = ink.size(0);
  const auto width = ink.size(1);
  const auto source = ink.contiguous();
  std::vector<float> left(source.data_ptr<float>(), source.data_ptr<float>() + source.numel());
  std::vector<Mark> inner;
  std::vector<Mark> outer;
  for (std::int64_t pixel = 0; pixel < source.numel(); ++pixel) {
    auto mark = take_mark(left, height, width, pixel);
    if (mark.strongest >= kStrong) (mark.at_border ? outer : inner).push_back(std::move(mark));
  }
  if (heaviest(inner) < kInnerShare * heaviest(outer)) {
    inner.insert(inner.end(), std::make_move_iterator(outer.begin()), std::make_move_iterator(outer.end()));
  }

  auto chosen = torch::zeros({height, width}, torch::kBool);
  const auto least = kSpeck * heaviest(inner);
  for (const auto& mark : inner) {
    if (mark.weight < least) continue;
    for (const auto pixel : mark.pixels) chosen.data_ptr<bool>()[pixel] = true;
  }
  return chosen;
}

}  // namespace mnist
