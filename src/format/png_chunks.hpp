// Walks through the chunks of a PNG file. Source: PNG Specification, Third Edition, 5.3: a chunk is a length (4 bytes,
// big-endian), a type (4 bytes), data, and a checksum (4 bytes). Does not decode or check them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "mnist/core/input_file.hpp"

namespace mnist {

// Valid only during the call that gets it.
struct PngChunk {
  std::string_view type;   // "tEXt"
  std::string_view begin;  // the first bytes of its data, at most 32
  std::uint64_t position;  // of its data in the file
  std::size_t length;      // bytes of its data, which the file may lack
};

std::uint32_t big_endian_32(const char* bytes);

// Calls `visit` for each chunk before IEND, until it returns false. Returns the position after IEND; nothing if it is
// not reached: `visit` returned false, the file is cut off, a length is too large, or there are more than a million
// chunks. Throws a data `Error` only on an I/O error.
std::optional<std::uint64_t> for_each_png_chunk(const InputFile& file,
                                                const std::function<bool(const PngChunk&)>& visit);

}  // namespace mnist
