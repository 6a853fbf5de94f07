// Reads from a JPEG's header the coding, for messages about unsupported files, and the orientation. Does not use
// libjpeg, because libjpeg keeps requested markers in memory and reports most unsupported features as file errors.
#pragma once

#include <string>

#include "mnist/core/input_file.hpp"

namespace mnist {

struct JpegHeader {
  int frame = 0;        // n of the marker SOFn; 0 also if there is none
  int precision = 8;    // bits per sample
  int height = 1;       // 0: given after the first scan, by a DNL marker
  int components = 3;   // samples per pixel
  int orientation = 1;  // 1..8: EXIF's, else XMP's, else upright
};

// Reads up to the first scan or the first malformed byte. Throws a data `Error` only on an I/O error.
JpegHeader read_jpeg_header(const InputFile& file);

// The feature in the header that this program or libjpeg does not support: "12 bits per sample"; empty if there is
// none.
std::string unsupported_feature(const JpegHeader& header);

}  // namespace mnist
