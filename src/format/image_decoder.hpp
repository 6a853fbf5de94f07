// What the readers of the image formats have in common; `image.cpp` chooses between them.
#pragma once

#include <cstdint>
#include <memory>

#include "mnist/core/input_file.hpp"

namespace mnist {

// What is known of a picture before its pixels are decoded.
struct ImageHeader {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;  // of the rows that are given, 1..4
  int orientation = 1;        // EXIF's, 1..8; not applied
  std::uint64_t memory = 0;   // bytes that decoding takes, beside the rows that are asked for
};

class ImageDecoder {
 public:
  virtual ~ImageDecoder() = default;
  const ImageHeader& header() const { return header_; }

  // The next `count` rows as they are stored, from the top: bytes [count, width, channels]. With the last row the file
  // is read to its end. Throws a data `Error` that names the file.
  virtual void read_rows(unsigned char* rows, std::int64_t count) = 0;

 protected:
  ImageHeader header_;
};

// Both read the file's header, and throw a data `Error` that names the file. `file` outlives the decoder.
std::unique_ptr<ImageDecoder> open_png(const InputFile& file);
std::unique_ptr<ImageDecoder> open_jpeg(const InputFile& file);

// Throws the data `Error` about an image that is too large, or has no pixels. To be called before memory is taken.
void check_image_size(std::uint64_t width, std::uint64_t height, const std::filesystem::path& path);

}  // namespace mnist
