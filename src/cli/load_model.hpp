// A network ready to use from a model file, of this program or of a Python one.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "mnist/core/recipe.hpp"
#include "mnist/model/registry.hpp"

namespace mnist::cli {

// What `train` writes and the others read where no model is named.
inline constexpr const char* kDefaultModel = "mnist_cnn.pt";

struct LoadedModel {
  std::shared_ptr<Network> network;  // on the CPU, in eval mode
  const ModelInfo* info;             // its entry in the table of networks
  Recipe recipe;                     // from the file, else made from the table
  std::string layout;                // of the file, for people
  bool has_recipe;                   // whether the recipe is the file's own
  bool names_its_classes;            // whether the names of the classes are the file's own
};

// Without a recipe in the file the network is found from the names and shapes of its tensors, its preprocessing is the
// table's, and its classes are named as in the file, else as in the data set the network is for, else by number.
// Throws a data `Error` where the file cannot be read or no network fits.
LoadedModel load_model(const std::filesystem::path& path);

// The data set that the model is asked about where none is named: the one it was trained on, else the one its network
// is for.
std::string dataset_of(const LoadedModel& model);

}  // namespace mnist::cli
