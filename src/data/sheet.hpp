// A sheet of paper that lies on a desk, or a board on a wall: the digit is on the sheet, and the picture's border says
// nothing about it.
#pragma once

#include <cstdint>
#include <optional>

#include <torch/types.h>

namespace mnist {

struct Sheet {
  torch::Tensor picture;  // float [1, h, w]: its box, in which it goes on beyond its edges
  bool light = true;      // it is lighter than what it lies on
  std::int64_t top = 0;   // where the box begins
  std::int64_t left = 0;
};

// `picture`: float [1, H, W], grey levels 0 to 255. None where no sheet is seen to end: the whole picture is one, or
// nothing on it is large, straight-edged and sharply divided from the rest.
std::optional<Sheet> find_sheet(const torch::Tensor& picture);

}  // namespace mnist
