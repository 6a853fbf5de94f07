// The pictures of `infer --annotate`, an image with its prediction below it, and what other pictures in folders are
// called.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "mnist/core/input_file.hpp"
#include "mnist/data/decoding_memory.hpp"

#include "infer_images.hpp"
#include "infer_output.hpp"

namespace mnist::cli {

// The begin of `text`, `longest` bytes at most, without a part of a character of UTF-8.
std::string begin_of(const std::string& text, std::size_t longest);

// <name>.png in `folder`; cut if it would be longer than file systems take, and with a number if it is taken.
std::filesystem::path unused_png(const std::filesystem::path& folder, const std::string& name);

// Where each image is drawn: <model>_prediction_<image>.png in `folder`, in further folders for images that are in
// folders below the one that was named. <image> is the file's name without .png, with any other ending: a.png and a.jpg
// become ..._a.png and ..._a.jpg.png. Images that would share a name (a/1.png and b/1.png) get as many folders above
// them as tell them apart. So the same images always have the same names, and different ones of a call different names.
// A name that is longer than file systems take is cut and ends in digits that are made of all of it.
// Throws a usage `Error` where an image would be drawn over one that is read.
std::vector<std::filesystem::path> annotated_paths(const std::filesystem::path& folder,
                                                   const std::filesystem::path& model,
                                                   const std::vector<ImageFile>& images);

// <image>.png in `folder`, for what the network saw of an image, or of one of several digits on it:
// <image>-digit<n>.png. `digit`: from 1; 0 for the only one. Further ones of the same name, and long names, as of
// `unused_png`.
std::filesystem::path input_path(const std::filesystem::path& folder, const std::filesystem::path& image,
                                 std::size_t digit);

// The likeliest classes, a line each, below the reason where there is no answer.
std::string caption_of(const Prediction& prediction);

// Draws the image in the file, with the caption below it, to `path`, over what is there; makes its folder. Throws a
// data `Error` if it cannot be read or written.
void annotate(const std::filesystem::path& path, const InputFile& image, const std::string& caption,
              DecodingMemory& memory);

}  // namespace mnist::cli
