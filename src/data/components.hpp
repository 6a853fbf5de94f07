// Finds the connected components of ink on a page, and selects those that can be digits: a photo also has specks, table
// edges and shadows.
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace mnist {

// Connected pixels with at least a quarter of full ink, of which at least one has half of it.
struct Component {
  std::vector<std::int64_t> pixels;  // row * width + column
  double weight = 0;                 // sum of the ink
  float strongest = 0;
  std::int64_t top = 0;     // bounding box: first row, ...
  std::int64_t bottom = 0;  // ... and one after the last
  std::int64_t left = 0;
  std::int64_t right = 0;
  bool at_border = false;  // it touches the border of the picture

  std::int64_t height() const { return bottom - top; }
  std::int64_t width() const { return right - left; }
};

// `ink`: float [H, W], from about 0 (paper) to 1 (ink).
std::vector<Component> find_components(const torch::Tensor& ink);

// Returns the components that can be digits. Drops frames around others, components that are much smaller than the
// largest one, underlines, and components at the border of the picture unless the others have little weight. Components
// at the border that are shorter than `least_extent` pixels are always dropped. `page_width`: of the picture, in
// pixels.
std::vector<Component> digit_components(std::vector<Component> components, std::int64_t page_width,
                                        double least_extent);

}  // namespace mnist
