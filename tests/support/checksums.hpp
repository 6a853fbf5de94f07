// Repairs the checksums of a mutated file, so that the code after the checksum tests is also tested.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

#include "mnist/core/sha256.hpp"

namespace mnist::test {

inline std::uint32_t load(const std::uint8_t* at, int bytes) {  // little-endian
  std::uint32_t value = 0;
  for (int i = bytes; i-- > 0;) value = value << 8 | at[i];
  return value;
}

inline void store(std::uint8_t* at, std::uint32_t value) {  // little-endian
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

inline std::uint32_t crc(const std::uint8_t* at, std::size_t size) {
  return static_cast<std::uint32_t>(crc32(0, at, static_cast<uInt>(size)));
}

// Repairs the checksum of every complete chunk (PNG specification, "Chunk layout").
inline void repair_png(std::uint8_t* data, std::size_t size) {
  for (std::size_t at = 8; at + 12 <= size;) {
    const std::size_t length =
        std::size_t{data[at]} << 24 | std::size_t{data[at + 1]} << 16 | std::size_t{data[at + 2]} << 8 | data[at + 3];
    if (length > size - at - 12) return;
    const std::uint32_t sum = crc(data + at + 4, length + 4);
    for (std::size_t i = 0; i < 4; ++i) data[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += length + 12;
  }
}

// The position of a zip entry, in bytes from the start of the archive.
struct ZipPlace {
  std::size_t entry = 0;  // of the directory
  std::size_t local = 0;  // its local header
  std::size_t content = 0;
  std::size_t length = 0;  // of the content
};

// The entries of the directory that are inside the file (PKWARE's APPNOTE.TXT 6.3, section 4.3).
inline std::vector<ZipPlace> zip_places(const std::uint8_t* data, std::size_t size) {
  std::vector<ZipPlace> places;
  for (std::size_t entry = 0; entry + 46 <= size; ++entry) {
    if (load(data + entry, 4) != 0x02014B50) continue;
    const std::size_t length = load(data + entry + 20, 4);
    const std::size_t local = load(data + entry + 42, 4);
    if (local + 30 > size || load(data + local, 4) != 0x04034B50) continue;
    const std::size_t content = local + 30 + load(data + local + 26, 2) + load(data + local + 28, 2);
    if (content <= size && length <= size - content) places.push_back({entry, local, content, length});
  }
  return places;
}

// Repairs the checksum of every entry: in the directory, and before or after the content.
inline void repair_zip(std::uint8_t* data, std::size_t size) {
  for (const ZipPlace& place : zip_places(data, size)) {
    const std::uint32_t sum = crc(data + place.content, place.length);
    store(data + place.entry + 16, sum);
    if (load(data + place.local + 14, 4) != 0) store(data + place.local + 14, sum);
    const std::size_t behind = place.content + place.length;
    if (behind + 8 <= size && load(data + behind, 4) == 0x08074B50) store(data + behind + 4, sum);
  }
}

// Repairs a checkpoint: the checksums of its entries, then the SHA-256 in the archive's comment, if it still exists.
inline void repair_checkpoint(std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kBegin = "sha256 ";
  constexpr std::size_t kDigits = 64;
  repair_zip(data, size);
  if (size < kBegin.size() + kDigits) return;
  std::uint8_t* const digits = data + size - kDigits;
  if (!std::equal(kBegin.begin(), kBegin.end(), digits - kBegin.size())) return;
  std::ranges::copy(sha256_hex({reinterpret_cast<const char*>(data), size - kDigits}), digits);
}

// Repairs CRC and length of every gzip stream that can be unpacked, up to one with optional header fields (RFC 1952).
inline void repair_gzip(std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHeader = 10;
  constexpr std::size_t kTrailer = 8;
  std::vector<std::uint8_t> unpacked(std::size_t{64} << 10);
  for (std::size_t at = 0; at + kHeader < size && load(data + at, 4) == 0x00088B1F;) {
    z_stream stream{};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return;
    stream.next_in = data + at + kHeader;
    stream.avail_in = static_cast<uInt>(size - at - kHeader);
    std::uint32_t sum = 0;
    int result = Z_OK;
    while (result == Z_OK) {
      stream.next_out = unpacked.data();
      stream.avail_out = static_cast<uInt>(unpacked.size());
      result = inflate(&stream, Z_NO_FLUSH);
      sum = static_cast<std::uint32_t>(
          crc32(sum, unpacked.data(), static_cast<uInt>(unpacked.size()) - stream.avail_out));
    }
    const std::size_t end = at + kHeader + stream.total_in;
    const auto length = static_cast<std::uint32_t>(stream.total_out);
    inflateEnd(&stream);
    if (result != Z_STREAM_END || end + kTrailer > size) return;
    store(data + end, sum);
    store(data + end + 4, length);
    at = end + kTrailer;
  }
}

}  // namespace mnist::test
