// What the readers of the image formats have in common; `image.cpp` chooses between them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include <torch/types.h>

namespace mnist {

struct DecodedImage {
  torch::Tensor pixels;  // uint8 [height, width, 1..4], as stored
  int orientation;       // EXIF's, 1..8; not yet applied
};

// Both throw a data `Error` that names `path`.
DecodedImage decode_png(std::string_view bytes, const std::filesystem::path& path);
DecodedImage decode_jpeg(std::string_view bytes, const std::filesystem::path& path);

// Throws the data `Error` about an image that is too large. To be called before memory is taken for the pixels.
void check_image_size(std::uint64_t width, std::uint64_t height, const std::filesystem::path& path);

}  // namespace mnist
