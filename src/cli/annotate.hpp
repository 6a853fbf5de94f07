// The pictures of `infer --annotate`, an image with its prediction below it, and what other pictures in folders are
// called.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "mnist/data/decoding_memory.hpp"

#include "infer_output.hpp"

namespace mnist::cli {

// <name>.png in `folder`; cut if it would be longer than file systems take, and with a number if it is taken.
std::filesystem::path unused_png(const std::filesystem::path& folder, const std::string& name);

// <model>_prediction_<image>.png in `folder`, as the program that it replaces names it; a further image of the same
// name gets a number. Names are cut if the file's would be longer than file systems take.
std::filesystem::path annotated_path(const std::filesystem::path& folder, const std::filesystem::path& model,
                                     const std::filesystem::path& image);

// <image>.png in `folder`, for what the network saw of an image, or of one of several digits on it:
// <image>-digit<n>.png. `digit`: from 1; 0 for the only one. Further ones of the same name, and long names, as above.
std::filesystem::path input_path(const std::filesystem::path& folder, const std::filesystem::path& image,
                                 std::size_t digit);

// The likeliest classes, a line each, below the reason where there is no answer.
std::string caption_of(const Prediction& prediction);

// Draws the image in the file, with the caption below it, to `path`. Throws a data `Error` if it cannot be read or
// written.
void annotate(const std::filesystem::path& path, const std::filesystem::path& image, const std::string& caption,
              DecodingMemory& memory);

}  // namespace mnist::cli
