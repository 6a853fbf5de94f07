// Decodes a picture file to planes of pixels, in bounded memory. All modules use this function to decode pictures.
#pragma once

#include <filesystem>
#include <functional>

#include <torch/types.h>

#include "mnist/core/input_file.hpp"
#include "mnist/data/decoding_memory.hpp"

namespace mnist {

enum class Colors { grey, rgb };

// The background behind transparent pixels for `Colors::grey`. For `Colors::rgb` it is always white.
enum class Backdrop { white, black };

// Reads the picture, calls `use` with its planes and returns the result of `use`. planes: uint8 [1 or 3, H, W],
// upright, transparent pixels composited over the backdrop (`to_grey`, `to_rgb`). The picture's share of `memory` is
// held until `use` returns, so `use` must not decode another picture.
//
// A picture that needs more than `DecodingMemory::kMaxPerPicture`, or whose longer side exceeds 65,535 pixels, is read
// at half its size, or a quarter, and so on: the mean of each 2 x 2 pixels. For RGB the limit is about 74 megapixels;
// it is lower for a progressive JPEG or an interlaced PNG, which are in memory as a whole. Smaller pictures keep their
// size. Throws a data `Error` like `ImageReader`, and if the picture needs too much memory at any scale.
torch::Tensor with_picture(const InputFile& file, Colors colors, DecodingMemory& memory,
                           const std::function<torch::Tensor(const torch::Tensor& planes)>& use,
                           Backdrop backdrop = Backdrop::white);
torch::Tensor with_picture(const std::filesystem::path& path, Colors colors, DecodingMemory& memory,
                           const std::function<torch::Tensor(const torch::Tensor& planes)>& use);

// Whether the picture can have transparent pixels. Reads only its header; throws like `ImageReader`.
bool has_transparency(const InputFile& file);

}  // namespace mnist
