// Reads and writes image files. Reads PNG (every colour type, depth and interlacing) and JPEG (baseline, progressive,
// grey, CMYK), detected from the content. Writes PNG.
//
// Limits: an image of more than 200 million pixels, or a JPEG with too many scans for its size, is rejected. The file
// is never in memory as a whole; only pixels and orientation are read. To prepare an image for a network, or to decode
// many images at a time in bounded memory, use `data/read_picture.hpp`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <torch/types.h>

namespace mnist {

class ImageDecoder;
class InputFile;

// Decodes an image file from the top row to the bottom row, any number of rows at a time.
class ImageReader {
 public:
  // Reads only the header. Throws a data `Error` if the file is missing, a folder, empty, neither PNG nor JPEG, of an
  // unsupported kind, truncated, damaged or too large.
  explicit ImageReader(const std::filesystem::path& path);
  // Of a file that is open, and outlives it: a stream can be opened only once.
  explicit ImageReader(const InputFile& file);
  ~ImageReader();
  ImageReader(const ImageReader&) = delete;
  ImageReader& operator=(const ImageReader&) = delete;

  // As stored in the file: the caller applies the orientation.
  std::int64_t height() const;
  std::int64_t width() const;
  std::int64_t channels() const;  // 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha)
  int orientation() const;        // 1..8 as EXIF counts them

  // Bytes that decoding needs in addition to the returned rows: an interlaced PNG or a progressive JPEG is in memory as
  // a whole before its first row is complete.
  std::uint64_t memory() const;

  // Returns the next `count` rows: uint8 [count, width, channels]; `count` must not exceed the remaining rows. Palettes
  // are expanded to colours, 16-bit samples rounded to 8 bits. Throws a data `Error` if the file is truncated, damaged
  // or has too many scans.
  torch::Tensor read_rows(std::int64_t count);

 private:
  std::unique_ptr<InputFile> file_;  // where it opened it itself
  std::unique_ptr<ImageDecoder> decoder_;
};

// Converts stored planes [C, H, W] to upright ones [C, H', W']. `orientation`: 1..8 as EXIF counts them.
torch::Tensor upright(const torch::Tensor& planes, int orientation);

// Returns a whole image, upright: uint8 [height, width, channels]. Throws like `ImageReader`, and if decoding needs
// more than 256 MiB.
torch::Tensor read_image(const std::filesystem::path& path);

// Whether the file name ends in .png, .jpg or .jpeg, in any case.
bool has_image_extension(const std::filesystem::path& path);

// `pixels`, uint8 [height, width, 1 or 3], as the bytes of an 8-bit PNG. Throws a data `Error` if it is too large.
std::string png_bytes(const torch::Tensor& pixels);

// Writes `pixels`, uint8 [height, width, 1 or 3], as an 8-bit PNG to `open_output(path)`. Throws a data `Error` if it
// cannot.
void write_png(const std::filesystem::path& path, const torch::Tensor& pixels);

}  // namespace mnist
