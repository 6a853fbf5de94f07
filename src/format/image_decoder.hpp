// The common interface of image decoders; `image.cpp` selects one.
#pragma once

#include <cstdint>
#include <memory>

#include "mnist/core/input_file.hpp"

namespace mnist {

// Properties of a picture that are known before its pixels are decoded.
struct ImageHeader {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;  // of the decoded rows, 1..4
  int orientation = 1;        // EXIF's, 1..8; not applied
  std::uint64_t memory = 0;   // bytes that decoding needs in addition to the returned rows
};

class ImageDecoder {
 public:
  virtual ~ImageDecoder() = default;
  const ImageHeader& header() const { return header_; }

  // Returns the next `count` rows as stored, from the top: bytes [count, width, channels]. With the last row it reads
  // the file to its end. Throws a data `Error` that names the file.
  virtual void read_rows(unsigned char* rows, std::int64_t count) = 0;

 protected:
  ImageHeader header_;
};

// Both read the file's header and throw a data `Error` that names the file. `file` must outlive the decoder.
std::unique_ptr<ImageDecoder> open_png(const InputFile& file);
std::unique_ptr<ImageDecoder> open_jpeg(const InputFile& file);

// Throws a data `Error` if an image is too large or has no pixels. Call it before memory is allocated.
void check_image_size(std::uint64_t width, std::uint64_t height, const std::filesystem::path& path);

}  // namespace mnist
