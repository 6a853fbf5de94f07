#include "mnist/data/prepare.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/suggest.hpp"

#include "digit_placing.hpp"
#include "picture.hpp"

namespace mnist {
namespace {

const std::array<std::pair<const char*, Invert>, 3> kInvertNames{
    {{"auto", Invert::automatic}, {"always", Invert::always}, {"never", Invert::never}}};

// uint8 [1, H, W]. Half-way between the extremes rather than 127.5: paper in the shade is darker than that.
bool has_light_ground(const torch::Tensor& grey) {
  const auto plane = grey.squeeze(0);
  const auto last_row = plane.size(0) - 1;
  const auto last_column = plane.size(1) - 1;
  const auto border =
      at::cat({plane.select(0, 0), plane.select(0, last_row), plane.select(1, 0), plane.select(1, last_column)});
  const auto darkest = plane.min().item<double>();
  const auto lightest = plane.max().item<double>();
  const auto middle = darkest == lightest ? 127.5 : (darkest + lightest) / 2;
  return border.to(torch::kFloat32).mean().item<double>() > middle;
}

// `grey` may be changed: a second one could take as much memory as the picture.
torch::Tensor prepare_digit(torch::Tensor grey, const Preprocessing& preprocessing, Invert invert) {
  if (invert == Invert::always || (invert == Invert::automatic && has_light_ground(grey))) grey.bitwise_not_();
  if (grey.size(1) == preprocessing.height && grey.size(2) == preprocessing.width) return grey;
  return place_digit(grey, preprocessing.height, preprocessing.width);
}

// The middle of a strip: its ends are cut off later anyway, but scaled up with the rest they could fill the memory.
// `target`: what the shorter side is scaled to.
torch::Tensor middle(const torch::Tensor& planes, std::int64_t target) {
  constexpr std::int64_t kLongest = 4096;  // pixels, of the longer side once it is scaled
  const auto times = std::max<std::int64_t>(1, kLongest / target);
  auto result = planes;
  for (const auto dimension : {1, 2}) {
    const auto side = planes.size(dimension);
    const auto cut = std::min(side, times * planes.size(3 - dimension));
    result = result.narrow(dimension, (side - cut) / 2, cut);
  }
  return result;
}

torch::Tensor prepare_photo(const torch::Tensor& whole, const Preprocessing& preprocessing) {
  // The crop must fit, whatever the recipe says.
  const auto target = std::max({preprocessing.resize, preprocessing.height, preprocessing.width});
  auto planes = middle(whole, target);
  const auto height = planes.size(1);
  const auto width = planes.size(2);
  const auto shorter = std::min(height, width);
  // torchvision cuts the longer side off to whole pixels.
  planes = resize(planes, target * height / shorter, target * width / shorter);
  // And rounds half a pixel to the even one.
  const auto begin = [](std::int64_t side, std::int64_t cut) {
    return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(side - cut) / 2));
  };
  return planes.narrow(1, begin(planes.size(1), preprocessing.height), preprocessing.height)
      .narrow(2, begin(planes.size(2), preprocessing.width), preprocessing.width)
      .contiguous();
}

Colors colors_of(const Preprocessing& preprocessing) {
  if (preprocessing.channels != 1 && preprocessing.channels != 3) {
    throw data_error(fmt::format("the model wants images of {} channels; only 1 and 3 can be made of a picture",
                                 preprocessing.channels));
  }
  const bool grey = preprocessing.kind == Preprocessing::Kind::digit || preprocessing.channels == 1;
  return grey ? Colors::grey : Colors::rgb;
}

// `planes`: of these colours; they may be changed.
torch::Tensor prepare_planes(const torch::Tensor& planes, const Preprocessing& preprocessing, Invert invert) {
  if (preprocessing.kind == Preprocessing::Kind::photo) return prepare_photo(planes, preprocessing);
  const auto digit = prepare_digit(planes, preprocessing, invert);
  return digit.expand({preprocessing.channels, -1, -1}).contiguous();
}

}  // namespace

Invert invert_from_name(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, invert] : kInvertNames) {
    if (name == known) return invert;
    names.emplace_back(known);
  }
  throw usage_error(fmt::format("'{}' is no way to invert", name), suggestion(name, names));
}

torch::Tensor prepare_image(const torch::Tensor& pixels, const Preprocessing& preprocessing, Invert invert) {
  const auto planes = colors_of(preprocessing) == Colors::grey ? to_grey(pixels) : to_rgb(pixels);
  return prepare_planes(planes, preprocessing, invert);
}

torch::Tensor prepare_file(const std::filesystem::path& path, const Preprocessing& preprocessing, Invert invert,
                           DecodingMemory& memory) {
  return with_picture(path, colors_of(preprocessing), memory,
                      [&](const torch::Tensor& planes) { return prepare_planes(planes, preprocessing, invert); });
}

}  // namespace mnist
