// Groups components to digits and sorts the digits in reading order.
#pragma once

#include <cstdint>
#include <vector>

#include "components.hpp"

namespace mnist {

struct DigitComponents {
  std::vector<Component> components;
  Component box;          // bounding box of all; has no pixels
  std::int64_t line = 0;  // of the page, from 0
};

// Returns digits by line from top to bottom, in a line from left to right. A component nearly as high as the highest
// one is a digit. Two of them form one digit if they overlap or nearly touch, for example an open 4, or a 5 with a
// separate bar. Smaller components belong to the nearest digit, if it is near.
std::vector<DigitComponents> digits_of(std::vector<Component> components);

}  // namespace mnist
