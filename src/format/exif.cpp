#include "exif.hpp"

#include <cstddef>
#include <cstdint>

namespace mnist {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShortType = 3;  // according to the standard
constexpr std::uint32_t kLongType = 4;   // written by some programs
constexpr std::size_t kTagSize = 12;

// An unsigned number of `size` bytes; 0 if it exceeds the end.
std::uint32_t number(std::string_view tiff, std::size_t position, std::size_t size, bool big_endian) noexcept {
  if (position + size > tiff.size()) return 0;
  std::uint32_t value = 0;
  for (std::size_t index = 0; index < size; ++index) {
    const auto byte = static_cast<unsigned char>(tiff[position + (big_endian ? index : size - 1 - index)]);
    value = value << 8 | byte;
  }
  return value;
}

std::optional<int> checked(std::uint32_t orientation) noexcept {
  if (orientation < 1 || orientation > 8) return std::nullopt;
  return static_cast<int>(orientation);
}

// `text` without leading white space.
std::string_view trimmed(std::string_view text) noexcept {
  const auto begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos ? std::string_view{} : text.substr(begin);
}

}  // namespace

std::optional<int> exif_orientation(std::string_view tiff) noexcept {
  const bool big_endian = tiff.starts_with("MM");
  if (!big_endian && !tiff.starts_with("II")) return std::nullopt;
  if (number(tiff, 2, 2, big_endian) != 42) return std::nullopt;
  const std::size_t directory = number(tiff, 4, 4, big_endian);
  const auto entries = number(tiff, directory, 2, big_endian);
  for (std::size_t entry = 0; entry < entries; ++entry) {
    const auto position = directory + 2 + entry * kTagSize;
    if (number(tiff, position, 2, big_endian) != kOrientationTag) continue;
    const auto type = number(tiff, position + 2, 2, big_endian);
    if (type != kShortType && type != kLongType) return std::nullopt;
    return checked(number(tiff, position + 8, type == kShortType ? 2 : 4, big_endian));
  }
  return std::nullopt;
}

std::optional<int> xmp_orientation(std::string_view xmp) noexcept {
  constexpr std::string_view kName = "tiff:Orientation";
  for (auto place = xmp.find(kName); place != std::string_view::npos; place = xmp.find(kName, place + 1)) {
    auto rest = trimmed(xmp.substr(place + kName.size()));
    if (rest.starts_with('=')) {
      rest = trimmed(rest.substr(1));
      if (!rest.starts_with('"') && !rest.starts_with('\'')) continue;
    } else if (!rest.starts_with('>')) {
      continue;
    }
    rest = trimmed(rest.substr(1));
    const bool one_digit = rest.size() > 1 && (rest[1] < '0' || rest[1] > '9');
    if (one_digit && rest[0] >= '1' && rest[0] <= '8') return rest[0] - '0';
  }
  return std::nullopt;
}

}  // namespace mnist
