#include "exif.hpp"

#include <cstddef>
#include <cstdint>

namespace mnist {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShortType = 3;
constexpr std::size_t kTagSize = 12;

// An unsigned number of `size` bytes; 0 where it reaches over the end.
std::uint32_t number(std::string_view tiff, std::size_t position, std::size_t size, bool big_endian) noexcept {
  if (position + size > tiff.size()) return 0;
  std::uint32_t value = 0;
  for (std::size_t index = 0; index < size; ++index) {
    const auto byte = static_cast<unsigned char>(tiff[position + (big_endian ? index : size - 1 - index)]);
    value = value << 8 | byte;
  }
  return value;
}

}  // namespace

int exif_orientation(std::string_view tiff) noexcept {
  const bool big_endian = tiff.starts_with("MM");
  if (!big_endian && !tiff.starts_with("II")) return kUpright;
  if (number(tiff, 2, 2, big_endian) != 42) return kUpright;
  const std::size_t directory = number(tiff, 4, 4, big_endian);
  const auto entries = number(tiff, directory, 2, big_endian);
  for (std::size_t entry = 0; entry < entries; ++entry) {
    const auto position = directory + 2 + entry * kTagSize;
    if (number(tiff, position, 2, big_endian) != kOrientationTag) continue;
    const auto orientation = number(tiff, position + 8, 2, big_endian);
    const bool valid = number(tiff, position + 2, 2, big_endian) == kShortType && orientation >= 1 && orientation <= 8;
    return valid ? static_cast<int>(orientation) : kUpright;
  }
  return kUpright;
}

}  // namespace mnist
