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
#include "ink.hpp"
#include "page.hpp"
#include "picture.hpp"

namespace mnist {
namespace {

const std::array<std::pair<const char*, Invert>, 3> kInvertNames{
    {{"auto", Invert::automatic}, {"always", Invert::always}, {"never", Invert::never}}};

FoundItem whole(const torch::Tensor& input, const torch::Tensor& planes) {
  return {input, {0, 0, planes.size(2), planes.size(1)}};
}

FoundItems find_digits(const torch::Tensor& grey, const Preprocessing& preprocessing, Invert invert) {
  if (grey.size(1) == preprocessing.height && grey.size(2) == preprocessing.width) {
    const bool inverted = invert == Invert::always || (invert == Invert::automatic && has_light_ground(grey));
    return {{whole(inverted ? grey.bitwise_not() : grey, grey)}};
  }
  const Page page = read_page(grey, invert);
  FoundItems found{{}, page.note};
  for (const WrittenDigit& digit : page.digits) {
    found.items.push_back({place_digit(digit.ink, preprocessing.height, preprocessing.width), digit.box, digit.line});
  }
  return found;
}

// The central part of a very long picture. The centre crop drops its ends anyway, and scaling them up could fill the
// memory. `target`: the shorter side after scaling.
torch::Tensor middle(const torch::Tensor& planes, std::int64_t target) {
  constexpr std::int64_t kLongest = 4096;  // pixels of the longer side after scaling
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
  // torchvision truncates the longer side to whole pixels ...
  planes = resize(planes, target * height / shorter, target * width / shorter);
  // ... and rounds half pixels to even.
  const auto begin = [](std::int64_t side, std::int64_t cut) {
    return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(side - cut) / 2));
  };
  return planes.narrow(1, begin(planes.size(1), preprocessing.height), preprocessing.height)
      .narrow(2, begin(planes.size(2), preprocessing.width), preprocessing.width)
      .contiguous();
}

Colors colors_of(const Preprocessing& preprocessing) {
  if (preprocessing.channels != 1 && preprocessing.channels != 3) {
    throw data_error(
        fmt::format("the model needs images of {} channels, but a picture gives only 1 or 3", preprocessing.channels));
  }
  const bool grey = preprocessing.kind == Preprocessing::Kind::digit || preprocessing.channels == 1;
  return grey ? Colors::grey : Colors::rgb;
}

// `planes`: with the colours of `colors_of`.
FoundItems find_in_planes(const torch::Tensor& planes, const Preprocessing& preprocessing, Invert invert) {
  if (preprocessing.kind == Preprocessing::Kind::photo) return {{whole(prepare_photo(planes, preprocessing), planes)}};
  auto found = find_digits(planes, preprocessing, invert);
  for (FoundItem& item : found.items) item.input = item.input.expand({preprocessing.channels, -1, -1}).contiguous();
  return found;
}

bool has_contrast(const torch::Tensor& planes) {
  return planes.max().item<int>() - planes.min().item<int>() >= kLeastContrast;
}

// White ink on a transparent background is invisible over white.
torch::Tensor planes_of(const torch::Tensor& pixels, const Preprocessing& preprocessing) {
  if (colors_of(preprocessing) == Colors::rgb) return to_rgb(pixels);
  auto grey = to_grey(pixels);
  if (preprocessing.kind == Preprocessing::Kind::photo || has_contrast(grey)) return grey;
  return to_grey(pixels, Backdrop::black);
}

FoundItems find_in_file(const InputFile& file, const Preprocessing& preprocessing, Invert invert,
                        DecodingMemory& memory) {
  FoundItems found;
  bool is_blank = false;
  const auto find = [&](const torch::Tensor& planes) {
    is_blank = preprocessing.kind == Preprocessing::Kind::digit && !has_contrast(planes);
    found = find_in_planes(planes, preprocessing, invert);
    return planes;
  };
  with_picture(file, colors_of(preprocessing), memory, find);
  if (is_blank && has_transparency(file)) {
    with_picture(file, colors_of(preprocessing), memory, find, Backdrop::black);
  }
  return found;
}

// Removes items without contrast: a picture of the recipe's size is always an item.
FoundItems with_contrast(FoundItems found, const Preprocessing& preprocessing) {
  if (preprocessing.kind == Preprocessing::Kind::photo) return found;
  std::erase_if(found.items, [](const FoundItem& item) { return !has_contrast(item.input); });
  return found;
}

torch::Tensor only_input(const FoundItems& found, const Preprocessing& preprocessing) {
  if (!found.items.empty()) return found.items.front().input;
  return torch::zeros({preprocessing.channels, preprocessing.height, preprocessing.width}, torch::kUInt8);
}

}  // namespace

Invert invert_from_name(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, invert] : kInvertNames) {
    if (name == known) return invert;
    names.emplace_back(known);
  }
  throw usage_error(fmt::format("'{}' is not a value of --invert", name), suggestion(name, names));
}

FoundItems find_items(const torch::Tensor& pixels, const Preprocessing& preprocessing, Invert invert) {
  return with_contrast(find_in_planes(planes_of(pixels, preprocessing), preprocessing, invert), preprocessing);
}

FoundItems find_items(const InputFile& file, const Preprocessing& preprocessing, Invert invert,
                      DecodingMemory& memory) {
  return with_contrast(find_in_file(file, preprocessing, invert, memory), preprocessing);
}

torch::Tensor prepare_image(const torch::Tensor& pixels, const Preprocessing& preprocessing, Invert invert) {
  return only_input(find_in_planes(planes_of(pixels, preprocessing), preprocessing, invert), preprocessing);
}

torch::Tensor prepare_file(const std::filesystem::path& path, const Preprocessing& preprocessing, Invert invert,
                           DecodingMemory& memory) {
  return only_input(find_in_file(InputFile(path, "image"), preprocessing, invert, memory), preprocessing);
}

}  // namespace mnist
