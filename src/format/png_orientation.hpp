// Reads the orientation of a PNG: from its eXIf chunk, from "Raw profile type exif" (ImageMagick's text of hexadecimal
// digits), or from its XMP packet, in this order. Does not decode the pixels, although these chunks may follow them.
#pragma once

#include "mnist/core/input_file.hpp"

namespace mnist {

// Returns 1..8 as EXIF counts them; 1 if there is no orientation, or if its chunk is damaged or larger than 1 MiB.
// Throws a data `Error` only on an I/O error.
int png_orientation(const InputFile& file);

}  // namespace mnist
