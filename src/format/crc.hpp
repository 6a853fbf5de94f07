// CRC-32 (ISO 3309, the one of zip and gzip) of bytes in memory. Finds accidents, not forgeries.
#pragma once

#include <cstdint>
#include <string_view>

namespace mnist {

// `crc`: that of the bytes before these, for a checksum over parts.
std::uint32_t crc32_of(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace mnist
