// CRC-32 (ISO 3309, the one of zip and gzip) of bytes in memory. Detects accidental damage, not forgery.
#pragma once

#include <cstdint>
#include <string_view>

namespace mnist {

// `crc`: the CRC of the preceding bytes, to compute a checksum in parts.
std::uint32_t crc32_of(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace mnist
