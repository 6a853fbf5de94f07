// The one thing read out of a picture's EXIF data: which way up it is.
#pragma once

#include <string_view>

namespace mnist {

inline constexpr int kUpright = 1;

// The orientation, 1..8 as EXIF counts them, of a TIFF structure (what follows "Exif\0\0" in a JPEG, the content of a
// PNG's eXIf chunk); `kUpright` where it has none or is malformed, because a picture is worth showing without it.
// Throws nothing: it is called inside libraries written in C.
int exif_orientation(std::string_view tiff) noexcept;

}  // namespace mnist
