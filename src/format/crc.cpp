#include "crc.hpp"

#include <zlib.h>

namespace mnist {

std::uint32_t crc32_of(std::string_view bytes, std::uint32_t crc) {
  if (bytes.empty()) return crc;  // zlib interprets a null pointer as a request for the initial value
  return static_cast<std::uint32_t>(crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace mnist
