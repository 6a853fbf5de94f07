// Reads the pixels in the JSON of an infer call, {"inputs": [{"data": [0, 255, ...]}]}, without making a value of each
// number, which would take several times as long as all the rest of reading the request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace mnist {

struct ByteList {
  std::size_t begin;  // in the text: of its bracket
  std::size_t end;    // after its bracket
  std::vector<std::uint8_t> bytes;
};

// The list under "data" of the first input; nothing if it is not there, or is no flat list of integers from 0 to 255,
// or has over a million of them. The rest of the text is not checked: with "[]" instead of the list it is valid JSON if
// and only if it is with the list.
std::optional<ByteList> find_byte_list(std::string_view json);

}  // namespace mnist
