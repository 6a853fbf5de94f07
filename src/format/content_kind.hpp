// What a file's first bytes say it is, whatever its name says: for messages about files of the wrong kind.
#pragma once

#include <string>
#include <string_view>

namespace mnist {

inline constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";
inline constexpr std::string_view kJpegSignature = "\xff\xd8\xff";
inline constexpr std::string_view kGzipSignature = "\x1f\x8b";

// "a GIF image", "an HTML page", "a text file", ...; empty where the bytes are of no kind that is known here.
std::string content_kind(std::string_view bytes);

}  // namespace mnist
