// Labelled pictures for the networks for digits: own digits, letters, icons. Prepared as `mnist infer` prepares a
// picture of its user, and resident in memory as MNIST is.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "mnist/core/recipe.hpp"
#include "mnist/data/class_folders.hpp"
#include "mnist/data/dataset.hpp"

namespace mnist {

struct SmallPictures {
  Dataset dataset;
  std::vector<std::filesystem::path> paths;    // of each item
  std::vector<BrokenPhoto> broken;             // which are left out: they cannot be read, or nothing is drawn on them
  std::vector<std::filesystem::path> several;  // on which there are several digits, of which the first is taken
};

// Prepares them all, in parallel and in bounded memory (`data/read_picture.hpp`), inverted where their borders are
// light. `stop_requested` is asked before each. Throws a data `Error` if none of a class can be read, and `Stopped`.
SmallPictures load_small_pictures(
    const PhotoFolder& files, const Preprocessing& preprocessing,
    const std::function<bool()>& stop_requested = [] { return false; });

}  // namespace mnist
