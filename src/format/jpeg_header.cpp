// Source: ITU-T T.81, Annex B: markers, frame headers.
#include "jpeg_header.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "exif.hpp"

namespace mnist {
namespace {

constexpr int kMostSegments = 10'000;
constexpr std::string_view kXmpBegin{"http://ns.adobe.com/xap/1.0/\0", 29};

struct Segment {
  int marker;             // the second byte of the marker
  std::uint64_t content;  // offset of the content
  std::size_t length;     // of the content
  std::uint64_t next() const { return content + length; }
};

// The segment at `position`; nothing if the data there are malformed. Any number of 0xFF may precede a marker.
std::optional<Segment> segment_at(const InputFile& file, std::uint64_t position) {
  constexpr int kMostFill = 1000;
  std::array<unsigned char, 4> bytes{};
  for (int fill = 0; fill < kMostFill; ++fill, ++position) {
    if (file.read_at(position, bytes.data(), bytes.size()) < 2 || bytes[0] != 0xFF) return std::nullopt;
    if (bytes[1] != 0xFF) break;
  }
  const int marker = bytes[1];
  const bool stands_alone = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD9);
  if (stands_alone) return Segment{marker, position + 2, 0};
  const std::size_t length = std::size_t{bytes[2]} << 8 | bytes[3];  // of the length field and the content
  if (length < 2) return std::nullopt;
  return Segment{marker, position + 4, length - 2};
}

bool is_frame(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

void read_frame(const InputFile& file, const Segment& segment, JpegHeader& header) {
  std::array<unsigned char, 6> bytes{};
  if (file.read_at(segment.content, bytes.data(), bytes.size()) < bytes.size()) return;
  header.frame = segment.marker - 0xC0;
  header.precision = bytes[0];
  header.height = bytes[1] << 8 | bytes[2];
  header.components = bytes[5];
}

}  // namespace

JpegHeader read_jpeg_header(const InputFile& file) {
  constexpr int kApp1 = 0xE1;
  constexpr int kScan = 0xDA;
  constexpr int kEnd = 0xD9;
  JpegHeader header;
  std::optional<int> exif;
  std::optional<int> xmp;
  std::uint64_t position = 2;  // after the signature
  for (int count = 0; count < kMostSegments; ++count) {
    const auto segment = segment_at(file, position);
    if (!segment || segment->marker == kScan || segment->marker == kEnd) break;
    if (is_frame(segment->marker)) read_frame(file, *segment, header);
    if (segment->marker == kApp1 && !(exif && xmp)) {
      std::string content(segment->length, '\0');
      content.resize(file.read_at(segment->content, content.data(), content.size()));
      const std::string_view view = content;
      if (!exif && view.starts_with(kExifBegin)) exif = exif_orientation(view.substr(kExifBegin.size()));
      if (!xmp && view.starts_with(kXmpBegin)) xmp = xmp_orientation(view.substr(kXmpBegin.size()));
    }
    position = segment->next();
  }
  header.orientation = exif.value_or(xmp.value_or(kUpright));
  return header;
}

std::string unsupported_feature(const JpegHeader& header) {
  if (header.precision != 8) return fmt::format("{} bits per sample", header.precision);
  if (header.components != 1 && header.components != 3 && header.components != 4) {
    return fmt::format("{} samples per pixel", header.components);
  }
  if (header.height == 0) return "a height that is given after its first scan (DNL)";
  const int frame = header.frame;
  if (frame % 4 == 3) return "lossless coding";
  constexpr int kArithmetic = 9;  // libjpeg supports it only if it was built with it
  return frame > 4 && frame != kArithmetic && frame != kArithmetic + 1 ? "hierarchical coding" : "";
}

}  // namespace mnist
