// Puts right the checksums of an input that was mutated, so that the fuzzer gets behind them.
#pragma once

#include <cstddef>
#include <cstdint>

#include <zlib.h>

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

// Of every chunk that lies in the file whole (PNG specification, "Chunk layout").
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

// Of every entry that the directory finds in the file (PKWARE's APPNOTE.TXT 6.3, section 4.3): in the directory, and
// before or behind the content.
inline void repair_zip(std::uint8_t* data, std::size_t size) {
  for (std::size_t entry = 0; entry + 46 <= size; ++entry) {
    if (load(data + entry, 4) != 0x02014B50) continue;
    const std::size_t length = load(data + entry + 20, 4);
    const std::size_t local = load(data + entry + 42, 4);
    if (local + 30 > size || load(data + local, 4) != 0x04034B50) continue;
    const std::size_t content = local + 30 + load(data + local + 26, 2) + load(data + local + 28, 2);
    if (content > size || length > size - content) continue;
    const std::uint32_t sum = crc(data + content, length);
    store(data + entry + 16, sum);
    if (load(data + local + 14, 4) != 0) store(data + local + 14, sum);
    const std::size_t behind = content + length;
    if (behind + 8 <= size && load(data + behind, 4) == 0x08074B50) store(data + behind + 4, sum);
  }
}

}  // namespace mnist::test
