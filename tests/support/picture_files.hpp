// PNG and JPEG files made byte by byte, with whatever a test wants to be wrong with them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mnist::test {

std::string big_endian_16(std::uint32_t value);
std::string big_endian_32(std::uint32_t value);

// As zlib packs them.
std::string deflated(const std::string& bytes);

// With its length and checksum. `type`: four letters.
std::string png_chunk(const std::string& type, const std::string& content);

struct Png {
  std::uint32_t width = 1;
  std::uint32_t height = 1;
  int depth = 8;  // bits a sample
  int color = 0;  // PNG's colour type: 0 grey, 2 RGB, 6 RGB and alpha
  bool interlaced = false;
  std::string before = {};  // whole chunks before the pixels
  std::string after = {};   // and behind them
};

// `rows`: as PNG packs them, each after its filter byte; empty: black ones.
std::string png_file(const Png& png, const std::string& rows = "");

// The bytes of a PNG, however damaged, with the checksum of each of its chunks made right.
std::string with_png_checksums(std::string bytes);

// A TIFF structure with nothing but an orientation. `type`: 3 (SHORT) or 4 (LONG).
std::string tiff_with_orientation(int orientation, int type = 3);

// Its pixels are all of one grey, so that a block takes one or two bits.
struct FlatJpeg {
  std::uint32_t width = 8;
  std::uint32_t height = 8;
  bool progressive = false;
  int scans = 1;                           // of a progressive one, all alike
  std::vector<std::string> segments = {};  // contents of APP1 segments
};
std::string flat_jpeg(const FlatJpeg& jpeg);

}  // namespace mnist::test
