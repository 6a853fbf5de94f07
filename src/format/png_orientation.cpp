// Source: PNG Specification, Third Edition, 11.3: the chunks eXIf, tEXt, zTXt and iTXt.
#include "png_orientation.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <zlib.h>

#include "crc.hpp"
#include "exif.hpp"
#include "png_chunks.hpp"

namespace mnist {
namespace {

constexpr std::size_t kMostContent = std::size_t{1} << 20;  // bytes of a chunk, compressed and uncompressed

// Uncompresses zlib data, up to `kMostContent` bytes; after an error, returns the bytes before it.
std::string unpacked(std::string_view packed) {
  std::string out(kMostContent, '\0');
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return "";
  // zlib's interface predates const; it does not write here.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  inflate(&stream, Z_FINISH);
  const std::size_t length = out.size() - stream.avail_out;
  inflateEnd(&stream);
  return out.substr(0, length);
}

// Removes the part up to the next zero byte from `rest`, with that byte, and returns it.
std::string_view field(std::string_view& rest) {
  const auto end = std::min(rest.find('\0'), rest.size());
  const auto part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

// The text of a tEXt, zTXt or iTXt chunk. `rest`: the bytes after the keyword.
std::string text_of(std::string_view type, std::string_view rest) {
  if (type == "tEXt") return std::string(rest);
  if (type == "zTXt") return rest.empty() ? "" : unpacked(rest.substr(1));  // after the method
  if (rest.size() < 2) return "";
  const bool packed = rest[0] == 1;
  rest.remove_prefix(2);  // compression flag and method
  field(rest);            // language
  field(rest);            // keyword in that language
  return packed ? unpacked(rest) : std::string(rest);
}

// "\nexif\n  123\n4578696600...": a name, a length, digits.
std::string raw_profile(std::string_view text) {
  const auto line = [&text] {
    const auto begin = std::min(text.find_first_not_of(" \n"), text.size());
    const auto end = std::min(text.find('\n', begin), text.size());
    text.remove_prefix(end);
  };
  line();
  line();
  std::string bytes;
  std::optional<int> high;
  for (const char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) continue;
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    if (high) bytes += static_cast<char>(*high * 16 + digit);
    high = high ? std::nullopt : std::optional(digit);
  }
  return bytes;
}

std::optional<int> orientation_of_profile(std::string_view profile) {
  if (profile.starts_with(kExifBegin)) profile.remove_prefix(kExifBegin.size());
  return exif_orientation(profile);
}

// Keeps the first chunk of each kind: a file could have millions.
class Orientations {
 public:
  bool wants(std::string_view type, std::string_view begin) const {
    if (type == "eXIf") return !exif_;
    if (type != "tEXt" && type != "zTXt" && type != "iTXt") return false;
    const auto keyword = field(begin);
    return (keyword == kRaw && !raw_) || (keyword == kXmp && !xmp_);
  }

  // `type`: a chunk for which `wants` returned true.
  void add(std::string_view type, std::string_view content) {
    if (type == "eXIf") {
      exif_ = orientation_of_profile(content).value_or(kNone);
    } else if (const auto keyword = field(content); keyword == kRaw) {
      raw_ = orientation_of_profile(raw_profile(text_of(type, content))).value_or(kNone);
    } else {
      xmp_ = xmp_orientation(text_of(type, content)).value_or(kNone);
    }
  }

  int best() const {
    for (const auto& one : {exif_, raw_, xmp_}) {
      if (one.value_or(kNone) != kNone) return *one;
    }
    return kUpright;
  }

 private:
  static constexpr std::string_view kRaw = "Raw profile type exif";
  static constexpr std::string_view kXmp = "XML:com.adobe.xmp";
  static constexpr int kNone = 0;  // the chunk exists, but has no orientation
  std::optional<int> exif_;
  std::optional<int> raw_;
  std::optional<int> xmp_;
};

}  // namespace

int png_orientation(const InputFile& file) {
  Orientations found;
  for_each_png_chunk(file, [&](const PngChunk& chunk) {
    if (chunk.length > kMostContent || !found.wants(chunk.type, chunk.begin)) return true;
    std::string content(4 + chunk.length + 4, '\0');  // type, data, checksum
    if (file.read_at(chunk.position - 4, content.data(), content.size()) < content.size()) return false;
    const auto crc = big_endian_32(content.data() + 4 + chunk.length);
    content.resize(4 + chunk.length);
    if (crc32_of(content) == crc) found.add(chunk.type, std::string_view(content).substr(4));
    return true;
  });
  return found.best();
}

}  // namespace mnist
