// Reads the orientation of a picture from its EXIF or XMP data.
#pragma once

#include <optional>
#include <string_view>

namespace mnist {

inline constexpr int kUpright = 1;

// The prefix of the TIFF structure in a JPEG marker and in PNG's "Raw profile type exif".
inline constexpr std::string_view kExifBegin{"Exif\0\0", 6};

// The orientation, 1..8 as EXIF counts them, of a TIFF structure (what follows `kExifBegin`, the content of a PNG's
// eXIf chunk). Empty if there is none or it is malformed: the picture is usable without it.
std::optional<int> exif_orientation(std::string_view tiff) noexcept;

// The same for an XMP packet: tiff:Orientation as attribute or element (XMP Specification Part 2, 3.4).
std::optional<int> xmp_orientation(std::string_view xmp) noexcept;

}  // namespace mnist
