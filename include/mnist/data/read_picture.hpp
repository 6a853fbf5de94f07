// A picture's file to planes of pixels, in bounded memory: what everything that decodes pictures in this program uses.
#pragma once

#include <filesystem>
#include <functional>

#include <torch/types.h>

#include "mnist/data/decoding_memory.hpp"

namespace mnist {

enum class Colors { grey, rgb };

// What shows through transparent pixels of a picture read as grey; of one read as RGB it is white.
enum class Backdrop { white, black };

// Reads the picture and returns what `use` makes of it: uint8 [1 or 3, H, W], upright, transparent pixels over the
// backdrop (as `to_grey` and `to_rgb`). Memory for it is held in `memory` until `use` returns; `use` must not decode
// others.
//
// A picture that would take more than `DecodingMemory::kMostForOne`, or that is longer than 65,535 pixels, is read at
// half its size, or a quarter, and so on: the mean of each 2 x 2 pixels. RGB that begins above 74 megapixels, less for
// a progressive JPEG or an interlaced PNG, which are in memory as a whole; smaller pictures are read as they are.
// Throws a data `Error` as `ImageReader` does, and for a picture that takes too much memory however small it is made.
torch::Tensor with_picture(const std::filesystem::path& path, Colors colors, DecodingMemory& memory,
                           const std::function<torch::Tensor(const torch::Tensor& planes)>& use,
                           Backdrop backdrop = Backdrop::white);

// Whether the picture can have transparent pixels. Reads its header alone; throws as `ImageReader` does.
bool has_transparency(const std::filesystem::path& path);

}  // namespace mnist
