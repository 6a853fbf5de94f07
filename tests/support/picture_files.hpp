// Builds PNG and JPEG files byte by byte, with any defect that a test needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mnist::test {

std::string big_endian_16(std::uint32_t value);
std::string big_endian_32(std::uint32_t value);

// Compressed by zlib.
std::string deflated(const std::string& bytes);

// A chunk with its length and checksum. `type`: four letters.
std::string png_chunk(const std::string& type, const std::string& content);

struct Png {
  std::uint32_t width = 1;
  std::uint32_t height = 1;
  int depth = 8;  // bits per sample
  int color = 0;  // PNG's colour type: 0 grey, 2 RGB, 6 RGB and alpha
  bool interlaced = false;
  std::string before = {};  // whole chunks before the pixels
  std::string after = {};   // and after them
};

// `rows`: the uncompressed rows, each with its filter byte; empty: black rows.
std::string png_file(const Png& png, const std::string& rows = "");

// Repairs the checksum of each chunk of a PNG, which may be damaged.
std::string with_png_checksums(std::string bytes);

// A TIFF structure that contains only an orientation. `type`: 3 (SHORT) or 4 (LONG).
std::string tiff_with_orientation(int orientation, int type = 3);

// All pixels have the same grey, so that a block needs only one or two bits.
struct FlatJpeg {
  std::uint32_t width = 8;
  std::uint32_t height = 8;
  bool progressive = false;
  int scans = 1;                           // identical scans of a progressive JPEG
  std::vector<std::string> segments = {};  // contents of APP1 segments
};
std::string flat_jpeg(const FlatJpeg& jpeg);

}  // namespace mnist::test
