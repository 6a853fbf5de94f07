// What a JPEG says of itself before its pixels: how it is coded, for saying why it cannot be decoded, and which way up
// it is. Read beside libjpeg, which keeps every marker it is asked for in memory and calls most of what it cannot do an
// error of the file.
#pragma once

#include <string>

#include "mnist/core/input_file.hpp"

namespace mnist {

struct JpegHeader {
  int frame = 0;        // n of the marker SOFn; 0 also if there is none
  int precision = 8;    // bits a sample
  int height = 1;       // 0: given behind the first scan, by a DNL marker
  int components = 3;   // samples a pixel
  int orientation = 1;  // 1..8: EXIF's, else XMP's, else upright
};

// Reads up to the first scan, or as far as it is well-formed. Throws a data `Error` on an I/O error only.
JpegHeader read_jpeg_header(const InputFile& file);

// What of the header this program, or libjpeg, does not decode: "12 bits a sample"; empty if nothing stands out.
std::string unsupported_feature(const JpegHeader& header);

}  // namespace mnist
