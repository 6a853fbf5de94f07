// Image files to pixels and back. Reads PNG (every colour type, depth and interlacing) and JPEG (baseline, progressive,
// grey, CMYK), found out from the content. Bounded: files over 89.5 million pixels, JPEGs of more than 1,000 scans and
// anything that does not decode are refused before or while memory is taken.
// Not for preparing an image for a network: that is `data/prepare.hpp`.
#pragma once

#include <filesystem>

#include <torch/types.h>

namespace mnist {

// Pixels uint8 [height, width, channels], channels 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha). Palettes are
// resolved, 16-bit samples rounded to 8, and the EXIF orientation applied, so that row 0 is the top.
// Throws a data `Error`: missing, a folder, empty, neither PNG nor JPEG, truncated, damaged, too large.
torch::Tensor read_image(const std::filesystem::path& path);

// Whether the name ends like an image of a kind that `read_image` reads (.png, .jpg, .jpeg; any case).
bool has_image_extension(const std::filesystem::path& path);

// Writes `pixels`, uint8 [height, width, 1 or 3], as an 8-bit PNG, to an `Output`. Throws a data `Error`.
void write_png(const std::filesystem::path& path, const torch::Tensor& pixels);

}  // namespace mnist
