// Generates realistic pictures of digits: ink on a page in front of a camera. For experiments, not for the program.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace mnist::test {

// Gives the same numbers on every machine for the same seed; the standard's distributions do not guarantee that.
class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  double between(double least, double most);  // evenly
  int below(int count);                       // 0 .. count - 1
  double normal();                            // mean 0, deviation 1

 private:
  std::mt19937 engine_;
};

// Grey values by row, 0 to 1.
struct Plane {
  int height = 0;
  int width = 0;
  std::vector<float> values;

  Plane(int rows, int columns, float value = 0)
      : height(rows),
        width(columns),
        values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns), value) {}
  float& at(int row, int column) {
    return values[static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(column)];
  }
  float at(int row, int column) const {
    return values[static_cast<std::size_t>(row) * static_cast<std::size_t>(width) + static_cast<std::size_t>(column)];
  }
  // Between the pixels, bilinear; 0 outside. In pixels: (0, 0) is the first one's corner.
  double sample(double y, double x) const;
};

void blur(Plane& plane, double sigma);

// The ink of a digit, its box the whole plane: an item of MNIST (28 x 28 bytes) with smooth edges instead of pixels,
// ...
Plane ink_of_item(const std::uint8_t* pixels);
// ... or strokes of a pen, `pen` of the digit's height wide.
Plane ink_of_strokes(int digit, double pen, Dice& dice);

// A digit on the page: `ink` with its top left corner there, so high and wide, in the page's units.
struct Written {
  Plane ink;
  double top;
  double left;
  double height;
  double width;
};

// A line on the page, `width` wide.
struct Segment {
  std::array<double, 2> from;  // y, x
  std::array<double, 2> to;
  double width;
  double darkness;  // 0 to 1
};

// Units: a pixel where the camera looks straight at it.
struct Scene {
  int height = 400;
  int width = 300;
  double paper = 0.85;
  double ink = 0.15;  // brightness of full ink; above `paper` for chalk
  double grain = 0;   // of the paper: deviation of its brightness
  double grain_size = 2;
  std::vector<Written> digits;
  std::vector<Segment> lines;
  std::array<double, 4> sheet{-1e6, -1e6, 1e6, 1e6};  // top, left, bottom, right of the page; beyond it is the desk
  double desk = 0.2;
  double turn = 0;         // radians, of the page
  double perspective = 0;  // how much smaller the page's far edge is, 0 to 0.5
  double shadow = 0;       // how much darker it gets across the picture, 0 to 1
  double shadow_angle = 0;
  double unsharp = 0;  // deviation of the blur, pixels
  double noise = 0;    // deviation of a pixel
};

// The camera's picture.
Plane render(const Scene& scene, Dice& dice);

}  // namespace mnist::test
