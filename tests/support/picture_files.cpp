#include "support/picture_files.hpp"

#include <stdexcept>

#include <zlib.h>

#include "support/checksums.hpp"

namespace mnist::test {
namespace {

std::string crc_of(const std::string& bytes) {
  return big_endian_32(
      static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size())));
}

std::string segment(char marker, const std::string& content) {
  return std::string("\xff") + marker + big_endian_16(static_cast<std::uint32_t>(content.size() + 2)) + content;
}

}  // namespace

std::string big_endian_16(std::uint32_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string big_endian_32(std::uint32_t value) {
  return big_endian_16(value >> 16) + big_endian_16(value);
}

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(),
                Z_BEST_SPEED) != Z_OK) {
    throw std::runtime_error("zlib cannot pack");
  }
  out.resize(size);
  return out;
}

std::string png_chunk(const std::string& type, const std::string& content) {
  return big_endian_32(static_cast<std::uint32_t>(content.size())) + type + content + crc_of(type + content);
}

std::string png_file(const Png& png, const std::string& rows) {
  std::string header = big_endian_32(png.width) + big_endian_32(png.height);
  for (const int value : {png.depth, png.color, 0, 0, png.interlaced ? 1 : 0}) header += static_cast<char>(value);
  const std::uint64_t channels = png.color == 6 ? 4 : png.color == 2 ? 3 : 1;
  const std::uint64_t row = 1 + (channels * static_cast<std::uint64_t>(png.depth) * png.width + 7) / 8;
  return std::string("\x89PNG\r\n\x1a\n") + png_chunk("IHDR", header) + png.before +
         png_chunk("IDAT", deflated(rows.empty() ? std::string(row * png.height, '\0') : rows)) + png.after +
         png_chunk("IEND", "");
}

std::string with_png_checksums(std::string bytes) {
  repair_png(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size());
  return bytes;
}

std::string tiff_with_orientation(int orientation, int type) {
  const auto value = static_cast<std::uint32_t>(orientation);
  std::string entry = big_endian_16(0x0112) + big_endian_16(static_cast<std::uint32_t>(type)) + big_endian_32(1);
  entry += type == 3 ? big_endian_16(value) + big_endian_16(0) : big_endian_32(value);
  return std::string("MM") + big_endian_16(42) + big_endian_32(8) + big_endian_16(1) + entry + big_endian_32(0);
}

std::string flat_jpeg(const FlatJpeg& jpeg) {
  const std::string zero(1, '\0');
  const std::string one_code = std::string("\x01") + std::string(15, '\0') + zero;  // the code 0, for the symbol 0
  std::string bytes = "\xff\xd8";
  for (const std::string& content : jpeg.segments) bytes += segment('\xe1', content);
  bytes += segment('\xdb', zero + std::string(64, '\1'));
  bytes +=
      segment(jpeg.progressive ? '\xc2' : '\xc0', std::string("\x08") + big_endian_16(jpeg.height) +
                                                      big_endian_16(jpeg.width) + std::string("\x01\x01\x11\x00", 4));
  bytes += segment('\xc4', zero + one_code);
  bytes += segment('\xc4', std::string("\x10") + one_code);
  const std::uint64_t blocks = std::uint64_t{(jpeg.width + 7) / 8} * ((jpeg.height + 7) / 8);
  const std::uint64_t bits = blocks * (jpeg.progressive ? 1 : 2);  // its mean, and that nothing else follows
  const std::string last(1, jpeg.progressive ? '\0' : '\x3f');
  for (int scan = 0; scan < (jpeg.progressive ? jpeg.scans : 1); ++scan) {
    bytes += segment('\xda', std::string("\x01\x01\x00\x00", 4).append(last).append(zero));
    bytes.append((bits + 7) / 8, '\0');
  }
  return bytes + "\xff\xd9";
}

}  // namespace mnist::test
