// Image files to pixels and back. Reads PNG (every colour type, depth and interlacing) and JPEG (baseline, progressive,
// grey, CMYK), found out from the content.
//
// Bounded: an image of more than 200 million pixels, a JPEG with too many scans for its size, and anything that does
// not decode is refused before or while memory is taken. The file itself is never in memory as a whole, and nothing of
// it is read but the pixels and which way up they are. Not for preparing an image for a network, nor for decoding many
// at a time in bounded memory: that is `data/read_picture.hpp`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include <torch/types.h>

namespace mnist {

class ImageDecoder;
class InputFile;

// An image file that is decoded from its top row to its bottom row, in pieces of any size.
class ImageReader {
 public:
  // Reads the header alone. Throws a data `Error`: missing, a folder, empty, neither PNG nor JPEG, of a kind that is
  // not read, truncated, damaged, too large.
  explicit ImageReader(const std::filesystem::path& path);
  ~ImageReader();
  ImageReader(const ImageReader&) = delete;
  ImageReader& operator=(const ImageReader&) = delete;

  // As stored: the orientation is for the caller to apply.
  std::int64_t height() const;
  std::int64_t width() const;
  std::int64_t channels() const;  // 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha)
  int orientation() const;        // 1..8 as EXIF counts them

  // Bytes that decoding takes beside the rows that are asked for: an interlaced PNG and a progressive JPEG are in
  // memory as a whole before their first row is known.
  std::uint64_t memory() const;

  // The next `count` rows, of which at least as many are left: uint8 [count, width, channels]. Palettes are resolved,
  // 16-bit samples rounded to 8. Throws a data `Error`: truncated, damaged, too many scans.
  torch::Tensor read_rows(std::int64_t count);

 private:
  std::unique_ptr<InputFile> file_;
  std::unique_ptr<ImageDecoder> decoder_;
};

// [C, H, W] as stored -> [C, H', W'] with its top row first. `orientation`: 1..8 as EXIF counts them.
torch::Tensor upright(const torch::Tensor& planes, int orientation);

// A whole image, upright: uint8 [height, width, channels]. Throws as `ImageReader` does, and if decoding takes more than
// 256 MiB.
torch::Tensor read_image(const std::filesystem::path& path);

// Whether the name ends like an image of a kind that is read (.png, .jpg, .jpeg; any case).
bool has_image_extension(const std::filesystem::path& path);

// Writes `pixels`, uint8 [height, width, 1 or 3], as an 8-bit PNG, to an `Output`. Throws a data `Error`.
void write_png(const std::filesystem::path& path, const torch::Tensor& pixels);

}  // namespace mnist
