// Which way up a PNG is: from its eXIf chunk, from "Raw profile type exif" (ImageMagick's text of hexadecimal digits),
// or from its XMP packet, in this order. Found before the pixels are decoded, although the chunks may follow them.
#pragma once

#include "mnist/core/input_file.hpp"

namespace mnist {

// 1..8 as EXIF counts them; 1 for a file without, or with a chunk that is damaged or of more than 1 MiB. Throws a data
// `Error` on an I/O error only.
int png_orientation(const InputFile& file);

}  // namespace mnist
