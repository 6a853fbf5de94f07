// Generates realistic pictures of digits for scripts/digit_pictures, which explains and runs it:
//
//   mnist_digit_pictures MNIST_DIR FOLDER PART COUNT
//
// writes FOLDER/<kind>/<number>_<answer>.png, COUNT of each kind. PART is `develop` or `held-back`; they share neither
// random numbers nor items of MNIST's test set. Half of the digits are from this test set, the others are drawn with
// strokes. <answer> is the written text, with a dash between lines, or `none`.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ops/cat.h>
#include <fmt/format.h>
#include <torch/types.h>

#include "mnist/core/error.hpp"
#include "mnist/core/output.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/format/image.hpp"

#include "drawing.hpp"
#include "support/picture_files.hpp"

namespace mnist::test {
namespace {

struct Digit {
  int label;
  Plane ink;
};

// The sources of the digits.
class Source {
 public:
  Source(const std::filesystem::path& folder, bool held_back, std::uint32_t seed)
      : dice(seed), items_(load_dataset("mnist", folder, Split::test)), first_(held_back ? items_.size() / 2 : 0) {}

  // `pen`: for drawn ones, as a share of the height.
  Digit digit(double pen) {
    if (dice.below(2) == 0) {
      const int label = dice.below(10);
      return {label, ink_of_strokes(label, pen, dice)};
    }
    return item();
  }

  Digit item() {
    const auto number = first_ + dice.below(static_cast<int>(items_.size() / 2));
    const auto pixels = items_.images[number].contiguous();
    return {items_.labels[number].item<int>(), ink_of_item(pixels.data_ptr<std::uint8_t>())};
  }

  Dice dice;

 private:
  Dataset items_;
  std::int64_t first_;
};

struct Picture {
  std::string answer;
  torch::Tensor pixels;  // uint8 [H, W, 1..4]
};

torch::Tensor bytes(const Plane& plane) {
  auto pixels = torch::empty({plane.height, plane.width, 1}, torch::kUInt8);
  for (std::size_t i = 0; i < plane.values.size(); ++i) {
    pixels.data_ptr<std::uint8_t>()[i] = static_cast<std::uint8_t>(std::lround(255 * plane.values[i]));
  }
  return pixels;
}

// A pen on a picture of any size and shape: the base of the other kinds.
Scene blank(Source& source) {
  Scene scene;
  Dice& dice = source.dice;
  scene.height = static_cast<int>(dice.between(200, 700));
  scene.width = static_cast<int>(scene.height * dice.between(0.7, 1.5));
  scene.paper = dice.between(0.75, 1);
  scene.ink = dice.between(0, 0.25);
  return scene;
}

// Writes a digit of `share` of the picture's shorter side somewhere on it. Returns its label.
int write(Scene& scene, Source& source, double share, double pen) {
  Dice& dice = source.dice;
  Digit digit = source.digit(pen);
  const double room = std::min(scene.height, scene.width);
  const double height = share * room;
  const double width = std::min(height * digit.ink.width / digit.ink.height, 0.9 * room);
  const double top = dice.between(0.04 * room, scene.height - height - 0.04 * room);
  const double left = dice.between(0.04 * room, scene.width - width - 0.04 * room);
  scene.digits.push_back({std::move(digit.ink), top, left, height, width});
  return digit.label;
}

void photograph(Scene& scene, Dice& dice) {
  scene.grain = dice.between(0.005, 0.03);
  scene.grain_size = dice.between(0.8, 3);
  scene.turn = dice.between(-0.12, 0.12);
  scene.perspective = dice.between(0, 0.25);
  scene.shadow = dice.between(0, 0.5);
  scene.shadow_angle = dice.between(0, 6.28);
  scene.unsharp = dice.between(0.5, 2);
  scene.noise = dice.between(0.005, 0.025);
}

Picture photo_of_a_digit(Scene scene, Source& source, double least_share, double pen) {
  const int label = write(scene, source, source.dice.between(least_share, 0.7), pen);
  return {std::to_string(label), bytes(render(scene, source.dice))};
}

double usual_pen(Dice& dice) {
  return dice.between(0.05, 0.14);
}

Picture enlarged_item(Source& source) {
  const Digit digit = source.item();
  Scene scene;
  scene.height = 28 * (2 + source.dice.below(20));
  scene.width = scene.height;
  scene.paper = 0;
  scene.ink = 1;
  const double height = scene.height * 20.0 / 28 * std::min(1.0, 1.0 * digit.ink.height / digit.ink.width);
  const double width = height * digit.ink.width / digit.ink.height;
  scene.digits.push_back({digit.ink, (scene.height - height) / 2, (scene.width - width) / 2, height, width});
  return {std::to_string(digit.label), bytes(render(scene, source.dice))};
}

Picture pen(Source& source) {
  return photo_of_a_digit(blank(source), source, 0.2, usual_pen(source.dice));
}

Picture light_on_dark(Source& source) {
  auto scene = blank(source);
  photograph(scene, source.dice);
  scene.paper = source.dice.between(0.05, 0.3);
  scene.ink = source.dice.between(0.6, 0.95);
  return photo_of_a_digit(scene, source, 0.3, usual_pen(source.dice));
}

Picture phone(Source& source) {
  auto scene = blank(source);
  photograph(scene, source.dice);
  return photo_of_a_digit(scene, source, 0.25, usual_pen(source.dice));
}

Picture thin(Source& source) {
  auto scene = blank(source);
  const int label = source.dice.below(10);
  const double room = std::min(scene.height, scene.width);
  const double height = source.dice.between(0.4, 0.7) * room;
  auto ink = ink_of_strokes(label, source.dice.between(0.008, 0.025), source.dice);
  const double width = height * ink.width / ink.height;
  const double top = source.dice.between(5, scene.height - height - 5);
  const double left = source.dice.between(5, std::max(6.0, scene.width - width - 5));
  scene.digits.push_back({std::move(ink), top, left, height, width});
  return {std::to_string(label), bytes(render(scene, source.dice))};
}

Picture pencil(Source& source) {
  auto scene = blank(source);
  photograph(scene, source.dice);
  scene.paper = source.dice.between(0.7, 0.9);
  scene.ink = scene.paper - source.dice.between(0.1, 0.2);
  scene.noise = source.dice.between(0.005, 0.015);
  scene.grain = source.dice.between(0.005, 0.015);
  return photo_of_a_digit(scene, source, 0.3, source.dice.between(0.03, 0.07));
}

// `side`: share of the picture that shows the desk on each side of the sheet; 0 on sides where the sheet exceeds the
// picture.
void lay_on_desk(Scene& scene, Dice& dice, bool whole) {
  const double side = std::min(scene.height, scene.width);
  const auto edge = [&] { return whole || dice.below(3) > 0 ? dice.between(0.08, 0.2) * side : -0.5 * side; };
  scene.sheet = {edge(), edge(), scene.height - edge(), scene.width - edge()};
  scene.desk = dice.between(0.05, 0.35);
}

Picture desk_with(Source& source, bool whole) {
  auto scene = blank(source);
  photograph(scene, source.dice);
  scene.shadow = source.dice.between(0, 0.3);
  lay_on_desk(scene, source.dice, whole);
  Dice& dice = source.dice;
  Digit digit = source.digit(usual_pen(dice));
  const double top = std::max(scene.sheet[0], 0.0);
  const double left = std::max(scene.sheet[1], 0.0);
  const double high = std::min(scene.sheet[2], 1.0 * scene.height) - top;
  const double wide = std::min(scene.sheet[3], 1.0 * scene.width) - left;
  const double height = dice.between(0.3, 0.65) * std::min(high, wide);
  const double width = height * digit.ink.width / digit.ink.height;
  scene.digits.push_back({std::move(digit.ink), top + dice.between(0.12 * high, 0.88 * high - height),
                          left + dice.between(0.12 * wide, std::max(0.13 * wide, 0.88 * wide - width)), height, width});
  return {std::to_string(digit.label), bytes(render(scene, dice))};
}

void rule(Scene& scene, Dice& dice, double spacing, bool squared) {
  const double darkness = dice.between(0.3, 1);
  const double width = dice.between(0.003, 0.009) * std::min(scene.height, scene.width) + 0.5;
  const double far = 2.0 * std::max(scene.height, scene.width);
  const double first = -far + dice.between(0, spacing);
  const auto count = static_cast<int>(std::ceil((2 * far - first) / spacing));
  for (int i = 0; i < count; ++i) {
    const double y = first + i * spacing;
    scene.lines.push_back({{y, -far}, {y, 2 * far}, width, darkness});
    if (squared) scene.lines.push_back({{-far, y}, {2 * far, y}, width, darkness});
  }
}

Picture on_lines(Source& source, bool squared) {
  auto scene = blank(source);
  photograph(scene, source.dice);
  scene.perspective = source.dice.between(0, 0.1);
  scene.turn = source.dice.between(-0.06, 0.06);
  auto picture = write(scene, source, source.dice.between(0.3, 0.7), usual_pen(source.dice));
  const double height = scene.digits.back().height;
  rule(scene, source.dice, height * source.dice.between(squared ? 0.25 : 0.5, squared ? 0.6 : 1.2), squared);
  return {std::to_string(picture), bytes(render(scene, source.dice))};
}

Picture underlined(Source& source) {
  auto scene = blank(source);
  photograph(scene, source.dice);
  Dice& dice = source.dice;
  const int label = write(scene, source, dice.between(0.3, 0.55), usual_pen(dice));
  const Written& digit = scene.digits.back();
  const double y = digit.top + digit.height * dice.between(1.04, 1.2);
  const double tilt = dice.between(-0.06, 0.06) * digit.height;
  const double more = dice.between(0.05, 0.4) * digit.height;
  const double thick = digit.height * dice.between(0.03, 0.1);
  for (int line = 0; line < 1 + dice.below(2); ++line) {
    const double down = line * digit.height * 0.12;
    scene.lines.push_back(
        {{y + down + tilt, digit.left - more}, {y + down - tilt, digit.left + digit.width + more}, thick, 1});
  }
  return {std::to_string(label), bytes(render(scene, dice))};
}

Picture transparent(Source& source, int colour) {
  auto scene = blank(source);
  scene.paper = 0;
  scene.ink = 1;
  const int label = write(scene, source, source.dice.between(0.3, 0.8), usual_pen(source.dice));
  const auto alpha = bytes(render(scene, source.dice));
  const auto grey = torch::full_like(alpha, colour);
  return {std::to_string(label), at::cat({grey, grey, grey, alpha}, 2)};
}

// A line of digits of about one size.
std::string write_line(Scene& scene, Source& source, int count, double top, double height) {
  Dice& dice = source.dice;
  std::string text;
  double left = dice.between(0.05, 0.1) * scene.width;
  for (int k = 0; k < count; ++k) {
    Digit digit = source.digit(usual_pen(dice));
    const double high = height * dice.between(0.85, 1);
    const double wide = std::min(high * digit.ink.width / digit.ink.height, 0.75 * high);
    scene.digits.push_back({std::move(digit.ink), top + dice.between(0, 0.1) * height, left, high, wide});
    left += wide + dice.between(0.15, 0.5) * height;
    text += std::to_string(digit.label);
  }
  scene.width = std::max(scene.width, static_cast<int>(left));
  return text;
}

Picture several(Source& source) {
  auto scene = blank(source);
  if (source.dice.below(2) == 0) photograph(scene, source.dice);
  scene.perspective = 0;
  const double height = source.dice.between(0.3, 0.5) * scene.height;
  const auto text = write_line(scene, source, 2 + source.dice.below(3), 0.25 * scene.height, height);
  return {text, bytes(render(scene, source.dice))};
}

Picture lines(Source& source) {
  auto scene = blank(source);
  scene.height = std::max(scene.height, 300);
  if (source.dice.below(2) == 0) photograph(scene, source.dice);
  scene.perspective = 0;
  scene.turn = 0;
  std::string text;
  const int count = 2 + source.dice.below(2);
  for (int line = 0; line < count; ++line) {
    const double room = 0.9 * scene.height / count;
    if (!text.empty()) text += "-";
    text += write_line(scene, source, 2 + source.dice.below(3), 0.06 * scene.height + line * room, 0.65 * room);
  }
  return {text, bytes(render(scene, source.dice))};
}

// Nothing is drawn.
Picture empty(Source& source) {
  auto scene = blank(source);
  Dice& dice = source.dice;
  if (dice.below(6) > 0) photograph(scene, dice);
  if (dice.below(3) == 0) scene.noise = dice.between(0.01, 0.06);
  if (dice.below(3) == 0) scene.grain = dice.between(0.01, 0.06);
  if (dice.below(5) == 0) scene.paper = dice.between(0.02, 0.3);
  return {"none", bytes(render(scene, dice))};
}

Picture empty_lines(Source& source) {
  auto scene = blank(source);
  photograph(scene, source.dice);
  scene.perspective = source.dice.between(0, 0.1);
  scene.turn = source.dice.between(-0.06, 0.06);
  rule(scene, source.dice, scene.height * source.dice.between(0.06, 0.25), source.dice.below(2) == 0);
  return {"none", bytes(render(scene, source.dice))};
}

Picture empty_sheet(Source& source) {
  auto scene = blank(source);
  photograph(scene, source.dice);
  scene.shadow = source.dice.between(0, 0.3);
  lay_on_desk(scene, source.dice, true);
  return {"none", bytes(render(scene, source.dice))};
}

const std::vector<std::pair<std::string, std::function<Picture(Source&)>>> kKinds{
    {"enlarged", enlarged_item},
    {"pen", pen},
    {"light_on_dark", light_on_dark},
    {"phone", phone},
    {"thin", thin},
    {"pencil", pencil},
    {"desk", [](Source& source) { return desk_with(source, true); }},
    {"desk_edge", [](Source& source) { return desk_with(source, false); }},
    {"ruled", [](Source& source) { return on_lines(source, false); }},
    {"squared", [](Source& source) { return on_lines(source, true); }},
    {"underlined", underlined},
    {"dark_on_nothing", [](Source& source) { return transparent(source, 20); }},
    {"white_on_nothing", [](Source& source) { return transparent(source, 255); }},
    {"several", several},
    {"lines", lines},
    {"empty", empty},
    {"empty_lines", empty_lines},
    {"empty_sheet", empty_sheet},
};

void write_picture(const std::filesystem::path& path, const torch::Tensor& pixels) {
  if (pixels.size(2) != 4) return write_png(path, pixels);
  std::string rows;
  const auto* row = reinterpret_cast<const char*>(pixels.data_ptr<std::uint8_t>());
  const auto length = static_cast<std::size_t>(pixels.size(1) * 4);
  for (std::int64_t y = 0; y < pixels.size(0); ++y, row += length) rows += '\0' + std::string(row, length);
  write_output(
      path,
      png_file({static_cast<std::uint32_t>(pixels.size(1)), static_cast<std::uint32_t>(pixels.size(0)), 8, 6}, rows));
}

void make(const std::filesystem::path& data, const std::filesystem::path& folder, bool held_back, int count) {
  std::uint32_t seed = held_back ? 2000 : 1000;
  for (const auto& [kind, draw] : kKinds) {
    Source source(data, held_back, ++seed);
    std::filesystem::create_directories(folder / kind);
    for (int number = 0; number < count; ++number) {
      const Picture picture = draw(source);
      write_picture(folder / kind / fmt::format("{:03}_{}.png", number, picture.answer), picture.pixels);
    }
  }
}

}  // namespace
}  // namespace mnist::test

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() != 4 || (arguments[2] != "develop" && arguments[2] != "held-back")) {
    std::cerr << "usage: mnist_digit_pictures MNIST_DIR FOLDER develop|held-back COUNT\n";
    return 2;
  }
  try {
    mnist::test::make(arguments[0], arguments[1], arguments[2] == "held-back",
                      std::max(1, std::atoi(arguments[3].c_str())));
  } catch (const mnist::Error& error) {
    std::cerr << "error: " << error.what() << "\nhint: " << error.hint() << "\n";
    return 3;
  }
  return 0;
}
