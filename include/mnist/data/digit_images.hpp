// Labelled pictures for training a network for digits: a user's digits, letters or icons. They are prepared as in
// `mnist infer` and stay in memory, like MNIST.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "mnist/core/recipe.hpp"
#include "mnist/data/class_folders.hpp"
#include "mnist/data/dataset.hpp"

namespace mnist {

struct DigitImages {
  Dataset dataset;
  std::vector<std::filesystem::path> paths;                // of the items
  std::vector<BrokenPhoto> broken;                         // omitted: unreadable, or nothing is drawn on them
  std::vector<std::filesystem::path> with_several_digits;  // pictures of which only the first digit is used
};

// Prepares all pictures, in parallel and in bounded memory (`data/read_picture.hpp`), with `Invert::automatic`. Calls
// `stop_requested` before each picture. Throws a data `Error` if a class has no usable picture, and `Stopped` on
// request.
DigitImages load_digit_images(
    const PhotoFolder& files, const Preprocessing& preprocessing,
    const std::function<bool()>& stop_requested = [] { return false; },
    const ReadProgress& progress = [](std::int64_t, std::int64_t) {});

}  // namespace mnist
