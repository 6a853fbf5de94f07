// The pictures of `infer --annotate` (an image with its prediction below it), and the names of output pictures.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "mnist/core/input_file.hpp"
#include "mnist/data/decoding_memory.hpp"

#include "infer_images.hpp"
#include "infer_output.hpp"

namespace mnist::cli {

// The first `longest` bytes of `text`, without a partial UTF-8 character at the end.
std::string begin_of(const std::string& text, std::size_t longest);

// Logs how many pictures an output folder already has, so that they are not taken for those of this call.
void tell_older_pictures(const std::filesystem::path& folder, spdlog::logger& log);

// <name>.png in `folder`; shortened if it is too long for file systems, and with a number if the name exists.
std::filesystem::path unused_png(const std::filesystem::path& folder, const std::string& name);

// The output path of each image: <model>_prediction_<image>.png in `folder`, in subfolders for images in subfolders of
// the given folder. <image> is the file's name without .png, but with any other extension: a.png and a.jpg become
// ..._a.png and ..._a.jpg.png. Images with the same name (a/1.png and b/1.png) get as many parent folders as necessary
// to differ. So the same images always get the same names, and different images of a call get different names. A name
// that is too long for file systems is shortened and ends in digits of its hash.
// Throws a usage `Error` if a drawing would replace an input image.
std::vector<std::filesystem::path> annotated_paths(const std::filesystem::path& folder,
                                                   const std::filesystem::path& model,
                                                   const std::vector<ImageFile>& images);

// The name of each image's network input, without an ending, relative to the output folder: the file's name, in
// subfolders as in `annotated_paths`.
std::vector<std::filesystem::path> input_names(const std::vector<ImageFile>& images);

// <name>.png in `folder`, for the network's input of an image; <name>-digit<n>.png for one of several digits. Creates
// the subfolders. `name`: of `input_names`. `digit`: from 1; 0 for the only one. Existing names and long names: as in
// `unused_png`.
std::filesystem::path input_path(const std::filesystem::path& folder, const std::filesystem::path& name,
                                 std::size_t digit);

// The most probable classes, one per line; first the reason if there is no answer.
std::string caption_of(const Prediction& prediction);

// Draws the image file with the caption below it to `path`, with a box and an answer for each of `digits`; creates the
// folder, replaces an existing file. Throws a data `Error` if it cannot be read or written.
void annotate(const std::filesystem::path& path, const InputFile& image, const std::string& caption,
              const std::vector<DigitPrediction>& digits, DecodingMemory& memory);

}  // namespace mnist::cli
