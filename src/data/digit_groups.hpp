// Which marks make up which digit, and in which order the digits are read.
#pragma once

#include <cstdint>
#include <vector>

#include "marks.hpp"

namespace mnist {

struct DigitMarks {
  std::vector<Mark> marks;
  Mark box;               // round them; without pixels
  std::int64_t line = 0;  // of the page, from 0
};

// Lines from top to bottom, in each the digits from left to right. A digit is a mark nearly as high as the highest;
// two that lie on top of each other or touch nearly are one, as an open 4 and a 5 whose bar was drawn apart. Lower
// marks belong to the digit that is near, if there is one. With a single digit this is the one that is found.
std::vector<DigitMarks> digits_of(std::vector<Mark> marks);

}  // namespace mnist
