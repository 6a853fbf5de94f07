// The one thing read out of a picture's EXIF and XMP data: which way up it is.
#pragma once

#include <optional>
#include <string_view>

namespace mnist {

inline constexpr int kUpright = 1;

// What precedes the TIFF structure in a JPEG's marker and in PNG's "Raw profile type exif".
inline constexpr std::string_view kExifBegin{"Exif\0\0", 6};

// The orientation, 1..8 as EXIF counts them, of a TIFF structure (what follows `kExifBegin`, the content of a PNG's
// eXIf chunk). Empty if it has none or is malformed, because a picture is worth showing without it.
std::optional<int> exif_orientation(std::string_view tiff) noexcept;

// The same of an XMP packet: tiff:Orientation as attribute or element (XMP Specification Part 2, 3.4).
std::optional<int> xmp_orientation(std::string_view xmp) noexcept;

}  // namespace mnist
