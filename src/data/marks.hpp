// The connected marks on a page, and those of them that make up the digit: a photo also has specks, table edges and
// shadows.
#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace mnist {

// What hangs together at a quarter of full ink and reaches half of it somewhere.
struct Mark {
  std::vector<std::int64_t> pixels;  // row * width + column
  double weight = 0;                 // sum of the ink
  float strongest = 0;
  std::int64_t top = 0;     // of the box round it: the first row, ...
  std::int64_t bottom = 0;  // ... and one behind the last
  std::int64_t left = 0;
  std::int64_t right = 0;
  bool at_border = false;  // it touches the picture's

  std::int64_t height() const { return bottom - top; }
  std::int64_t width() const { return right - left; }
};

// `ink`: float [H, W], about 0 (paper) to 1 (ink).
std::vector<Mark> find_marks(const torch::Tensor& ink);

// Those that can be digits: marks much smaller than the largest are dropped, and so are level lines below a digit, and
// those that run out of the picture, unless there is nothing else of weight. `least_extent`: pixels; of those that run
// out, the shorter ones are dropped in any case.
std::vector<Mark> digit_marks(std::vector<Mark> marks, double least_extent);

}  // namespace mnist
