#include "content_kind.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "mnist/core/text.hpp"

namespace mnist {
namespace {

using namespace std::string_view_literals;

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kSignatures{{
    {kPngSignature, "a PNG image"},
    {kJpegSignature, "a JPEG image"},
    {"GIF8"sv, "a GIF image"},
    {"II*\0"sv, "a TIFF image"},
    {"MM\0*"sv, "a TIFF image"},
    {"%PDF"sv, "a PDF document"},
    {"BM"sv, "a BMP image"},
    {"PK\x03\x04"sv, "a zip archive"},
    {kGzipSignature, "a gzip-compressed file"},
    {"\xfd"
     "7zXZ"sv,
     "an xz-compressed file"},
    {"BZh"sv, "a bzip2-compressed file"},
    {"\0\0\x08\x01"sv, "an IDX file of labels"},
    {"\0\0\x08\x03"sv, "an IDX file of images"},
}};

// HEIC and AVIF are boxes of ISO 14496-12: a length, "ftyp", the brand.
std::string_view box_kind(std::string_view bytes) {
  if (bytes.size() < 12 || bytes.substr(4, 4) != "ftyp") return {};
  const auto brand = bytes.substr(8, 4);
  if (brand == "avif" || brand == "avis") return "an AVIF image";
  if (brand.starts_with("hei") || brand.starts_with("hev") || brand == "mif1" || brand == "msf1") return "a HEIC image";
  return "a video";
}

// The beginning of an ONNX model (ModelProto of onnx/onnx.proto) as its exporters write it: field 1, the version of the
// format; field 2, the name of the program.
bool is_onnx(std::string_view bytes) {
  constexpr std::size_t kBefore = 4;  // bytes before the name
  constexpr unsigned char kNewest = 31;
  constexpr unsigned char kLongest = 127;
  if (bytes.size() <= kBefore || bytes[0] != 0x08 || bytes[2] != 0x12) return false;
  const auto version = static_cast<unsigned char>(bytes[1]);
  const auto length = static_cast<unsigned char>(bytes[3]);
  if (version == 0 || version > kNewest || length > kLongest || bytes.size() < kBefore + length) return false;
  return std::ranges::all_of(bytes.substr(kBefore, length), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string_view text_kind(std::string_view bytes) {
  const std::string begin = lower_case(bytes.substr(0, 512));
  const bool binary =
      std::any_of(begin.begin(), begin.end(), [](unsigned char c) { return c < 32 && (c < '\t' || c > '\r'); });
  if (binary || begin.empty()) return {};
  if (begin.find("<html") != std::string::npos || begin.find("<!doctype html") != std::string::npos) {
    return "an HTML page";
  }
  if (begin.find("<svg") != std::string::npos) return "an SVG drawing";
  // Plain text may have a few non-ASCII letters; a file with many high bytes is probably something else.
  const auto high = std::count_if(begin.begin(), begin.end(), [](unsigned char c) { return c >= 127; });
  return static_cast<std::size_t>(high) * 4 < begin.size() ? "a text file" : std::string_view{};
}

}  // namespace

std::string content_kind(std::string_view bytes) {
  for (const auto& [signature, kind] : kSignatures) {
    if (bytes.starts_with(signature)) return std::string(kind);
  }
  if (bytes.starts_with("RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP") return "a WebP image";
  if (is_onnx(bytes)) return "an ONNX model";
  if (const auto kind = box_kind(bytes); !kind.empty()) return std::string(kind);
  return std::string(text_kind(bytes));
}

}  // namespace mnist
