// Finds a sheet of paper on a desk, or a board on a wall. The digits are on the sheet, so the border of the picture
// tells nothing about their background.
#pragma once

#include <cstdint>
#include <optional>

#include <torch/types.h>

namespace mnist {

struct Sheet {
  torch::Tensor picture;  // float [1, h, w]: its bounding box, filled with paper outside of its edges
  bool light = true;      // the sheet is lighter than its surroundings
  std::int64_t top = 0;   // position of the box
  std::int64_t left = 0;
};

// `picture`: float [1, H, W], grey levels 0 to 255. Returns nothing if no sheet has visible edges: the whole picture is
// a sheet, or no region is large, straight-edged and sharply bounded.
std::optional<Sheet> find_sheet(const torch::Tensor& picture);

}  // namespace mnist
