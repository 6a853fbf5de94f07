#include "drawing.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace mnist::test {
namespace {

using Point = std::array<double, 2>;  // y, x; a digit's box is 0 to 1

struct Stroke {
  bool curved;
  std::vector<Point> points;
};

const std::array<std::vector<Stroke>, 10> kDigits{{
    {{true, {{0, .5}, {.3, .1}, {.7, .1}, {1, .5}, {.7, .9}, {.3, .9}, {0, .5}}}},
    {{false, {{.2, .3}, {0, .5}, {1, .5}}}},
    {{true, {{.25, .1}, {.02, .3}, {.02, .7}, {.28, .88}, {.6, .6}, {1, .1}}}, {false, {{1, .1}, {1, .95}}}},
    {{true, {{.1, .12}, {0, .5}, {.22, .85}, {.46, .45}}}, {true, {{.46, .45}, {.7, .92}, {1, .5}, {.88, .08}}}},
    {{false, {{0, .55}, {.65, .08}, {.65, .95}}}, {false, {{.3, .72}, {1, .72}}}},
    {{false, {{0, .85}, {0, .22}, {.42, .17}}}, {true, {{.42, .17}, {.36, .55}, {.65, .9}, {1, .55}, {.9, .08}}}},
    {{true, {{.02, .75}, {.3, .3}, {.7, .1}, {1, .4}, {.8, .85}, {.52, .75}, {.5, .4}, {.7, .13}}}},
    {{false, {{.02, .08}, {.02, .9}, {1, .4}}}},
    {{true, {{.47, .5}, {.25, .15}, {0, .5}, {.25, .85}, {.47, .5}, {.75, .1}, {1, .5}, {.75, .9}, {.47, .5}}}},
    {{true, {{.25, .85}, {0, .5}, {.25, .15}, {.5, .45}, {.25, .85}, {.6, .8}, {1, .6}}}},
}};

// A Catmull-Rom spline through all points.
std::vector<Point> smooth(const std::vector<Point>& points) {
  std::vector<Point> curve;
  const auto at = [&](std::ptrdiff_t index) {
    return points[static_cast<std::size_t>(
        std::clamp<std::ptrdiff_t>(index, 0, static_cast<std::ptrdiff_t>(points.size()) - 1))];
  };
  for (std::ptrdiff_t i = 0; i + 1 < static_cast<std::ptrdiff_t>(points.size()); ++i) {
    const std::array<Point, 4> p{at(i - 1), at(i), at(i + 1), at(i + 2)};
    for (int step = 0; step < 10; ++step) {
      const double t = step / 10.0;
      Point point;
      for (std::size_t k = 0; k < 2; ++k) {
        point[k] =
            0.5 * (2 * p[1][k] + (p[2][k] - p[0][k]) * t + (2 * p[0][k] - 5 * p[1][k] + 4 * p[2][k] - p[3][k]) * t * t +
                   (3 * p[1][k] - p[0][k] - 3 * p[2][k] + p[3][k]) * t * t * t);
      }
      curve.push_back(point);
    }
  }
  curve.push_back(points.back());
  return curve;
}

double distance(Point point, Point from, Point to) {
  const Point along{to[0] - from[0], to[1] - from[1]};
  const double length = along[0] * along[0] + along[1] * along[1];
  double t = 0;
  if (length > 0) t = ((point[0] - from[0]) * along[0] + (point[1] - from[1]) * along[1]) / length;
  t = std::clamp(t, 0.0, 1.0);
  return std::hypot(point[0] - from[0] - t * along[0], point[1] - from[1] - t * along[1]);
}

// The share of a pixel at distance `away` from the middle of a line that the line covers.
double covered(double away, double width) {
  return std::clamp(width / 2 - away + 0.5, 0.0, 1.0) * std::min(1.0, width);
}

// Brightness of the paper's texture, mean 0, deviation 1.
Plane grain_of(int height, int width, double size, Dice& dice) {
  Plane grain(height, width);
  for (float& value : grain.values) value = static_cast<float>(dice.normal());
  blur(grain, size);
  double square = 0;
  for (const float value : grain.values) square += value * value;
  const double deviation = std::sqrt(square / static_cast<double>(grain.values.size()));
  for (float& value : grain.values) value = static_cast<float>(value / std::max(deviation, 1e-9));
  return grain;
}

void blur_rows(Plane& plane, const std::vector<double>& weights) {
  const int reach = static_cast<int>(weights.size()) / 2;
  std::vector<float> row(static_cast<std::size_t>(plane.width));
  for (int y = 0; y < plane.height; ++y) {
    for (int x = 0; x < plane.width; ++x) {
      double sum = 0;
      for (int i = 0; i <= 2 * reach; ++i) {
        sum += weights[static_cast<std::size_t>(i)] * plane.at(y, std::clamp(x + i - reach, 0, plane.width - 1));
      }
      row[static_cast<std::size_t>(x)] = static_cast<float>(sum);
    }
    std::copy(row.begin(), row.end(), plane.values.begin() + static_cast<std::ptrdiff_t>(y) * plane.width);
  }
}

Plane transposed(const Plane& plane) {
  Plane result(plane.width, plane.height);
  for (int y = 0; y < plane.height; ++y) {
    for (int x = 0; x < plane.width; ++x) result.at(x, y) = plane.at(y, x);
  }
  return result;
}

// Ink and lines at a point of the page, 0 to 1.
double ink_at(const Scene& scene, Point point) {
  double ink = 0;
  for (const Written& written : scene.digits) {
    const double y = (point[0] - written.top) / written.height * written.ink.height;
    const double x = (point[1] - written.left) / written.width * written.ink.width;
    ink = std::max(ink, written.ink.sample(y, x));
  }
  for (const Segment& line : scene.lines) {
    ink = std::max(ink, line.darkness * covered(distance(point, line.from, line.to), line.width));
  }
  return ink;
}

}  // namespace

double Dice::between(double least, double most) {
  return least + (most - least) * (static_cast<double>(engine_()) / 4294967296.0);
}

int Dice::below(int count) {
  return static_cast<int>(between(0, count));
}

double Dice::normal() {
  const double radius = std::sqrt(-2 * std::log(between(1e-12, 1)));
  return radius * std::cos(between(0, 6.283185307));
}

double Plane::sample(double y, double x) const {
  y -= 0.5;
  x -= 0.5;
  const int row = static_cast<int>(std::floor(y));
  const int column = static_cast<int>(std::floor(x));
  const auto value = [&](int r, int c) {
    return r < 0 || c < 0 || r >= height || c >= width ? 0.0 : static_cast<double>(at(r, c));
  };
  const double down = y - row;
  const double right = x - column;
  return (1 - down) * ((1 - right) * value(row, column) + right * value(row, column + 1)) +
         down * ((1 - right) * value(row + 1, column) + right * value(row + 1, column + 1));
}

void blur(Plane& plane, double sigma) {
  if (sigma <= 0.05) return;
  const int reach = static_cast<int>(std::ceil(3 * sigma));
  std::vector<double> weights;
  double sum = 0;
  for (int k = -reach; k <= reach; ++k) {
    weights.push_back(std::exp(-0.5 * k * k / (sigma * sigma)));
    sum += weights.back();
  }
  for (double& weight : weights) weight /= sum;
  blur_rows(plane, weights);
  plane = transposed(plane);
  blur_rows(plane, weights);
  plane = transposed(plane);
}

Plane ink_of_item(const std::uint8_t* pixels) {
  constexpr int kTimes = 12;
  int top = 28;
  int bottom = 0;
  int left = 28;
  int right = 0;
  Plane item(28, 28);
  for (int y = 0; y < 28; ++y) {
    for (int x = 0; x < 28; ++x) {
      item.at(y, x) = static_cast<float>(pixels[28 * y + x]) / 255;
      if (pixels[28 * y + x] == 0) continue;
      top = std::min(top, y);
      bottom = std::max(bottom, y + 1);
      left = std::min(left, x);
      right = std::max(right, x + 1);
    }
  }
  Plane large((bottom - top) * kTimes, (right - left) * kTimes);
  for (int y = 0; y < large.height; ++y) {
    for (int x = 0; x < large.width; ++x) {
      large.at(y, x) = static_cast<float>(item.sample(top + (y + 0.5) / kTimes, left + (x + 0.5) / kTimes));
    }
  }
  blur(large, 0.35 * kTimes);
  for (float& value : large.values) value = std::clamp((value - 0.4F) / 0.2F, 0.0F, 1.0F);
  return large;
}

Plane ink_of_strokes(int digit, double pen, Dice& dice) {
  constexpr int kHeight = 360;
  const int width = static_cast<int>(kHeight * (digit == 1 ? 0.5 : dice.between(0.5, 0.8)));
  const double slant = dice.between(-0.1, 0.25);
  const double margin = pen / 2 * kHeight + 1;
  std::vector<std::vector<Point>> curves;
  Point least{1e9, 1e9};
  Point most{-1e9, -1e9};
  for (const Stroke& stroke : kDigits[static_cast<std::size_t>(digit)]) {
    auto points = stroke.points;
    for (Point& point : points) {
      point[0] = (point[0] + dice.between(-0.025, 0.025)) * kHeight;
      point[1] = (point[1] + dice.between(-0.03, 0.03)) * width + slant * (kHeight - point[0]);
    }
    if (stroke.curved) points = smooth(points);
    for (const Point& point : points) {
      for (std::size_t k = 0; k < 2; ++k) {
        least[k] = std::min(least[k], point[k] - margin);
        most[k] = std::max(most[k], point[k] + margin);
      }
    }
    curves.push_back(points);
  }
  Plane ink(static_cast<int>(most[0] - least[0]), static_cast<int>(most[1] - least[1]));
  for (int y = 0; y < ink.height; ++y) {
    for (int x = 0; x < ink.width; ++x) {
      double away = 1e9;
      for (const auto& curve : curves) {
        for (std::size_t i = 0; i + 1 < curve.size(); ++i) {
          away = std::min(away, distance({y + 0.5 + least[0], x + 0.5 + least[1]}, curve[i], curve[i + 1]));
        }
      }
      ink.at(y, x) = static_cast<float>(covered(away, pen * kHeight));
    }
  }
  return ink;
}

Plane render(const Scene& scene, Dice& dice) {
  Plane picture(scene.height, scene.width);
  const Plane grain = scene.grain > 0 ? grain_of(scene.height, scene.width, scene.grain_size, dice) : Plane(1, 1);
  const Point middle{scene.height / 2.0, scene.width / 2.0};
  const double across = std::hypot(middle[0], middle[1]);
  for (int row = 0; row < scene.height; ++row) {
    for (int column = 0; column < scene.width; ++column) {
      double y = row + 0.5 - middle[0];
      double x = column + 0.5 - middle[1];
      // The page leans back: what is above the middle is farther away.
      const double depth = 1 / (1 + scene.perspective * y / middle[0] / 2);
      const Point seen{y * depth, x * depth};
      const Point point{middle[0] + std::cos(scene.turn) * seen[0] - std::sin(scene.turn) * seen[1],
                        middle[1] + std::sin(scene.turn) * seen[0] + std::cos(scene.turn) * seen[1]};
      const bool on_sheet = point[0] >= scene.sheet[0] && point[1] >= scene.sheet[1] && point[0] < scene.sheet[2] &&
                            point[1] < scene.sheet[3];
      double value = scene.desk;
      if (on_sheet) value = scene.paper + (scene.ink - scene.paper) * ink_at(scene, point);
      if (scene.grain > 0) value *= 1 + scene.grain * grain.at(row, column);
      const double along = (std::cos(scene.shadow_angle) * x + std::sin(scene.shadow_angle) * y) / across;
      value *= 1 - scene.shadow * (along + 1) / 2;
      picture.at(row, column) = static_cast<float>(value);
    }
  }
  blur(picture, scene.unsharp);
  for (float& value : picture.values) {
    value = std::clamp(value + static_cast<float>(scene.noise * dice.normal()), 0.0F, 1.0F);
  }
  return picture;
}

}  // namespace mnist::test
