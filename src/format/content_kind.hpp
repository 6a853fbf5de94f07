// Detects the kind of a file from its first bytes, for messages about files of the wrong kind.
#pragma once

#include <string>
#include <string_view>

namespace mnist {

inline constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";
inline constexpr std::string_view kJpegSignature = "\xff\xd8\xff";
inline constexpr std::string_view kGzipSignature = "\x1f\x8b";

// "a GIF image", "an HTML page", "a text file", ...; empty if the kind is unknown.
std::string content_kind(std::string_view bytes);

}  // namespace mnist
