// Loads a network from a model file of this program or of a Python program.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "mnist/core/recipe.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"

namespace mnist {

// The default model file of all commands.
inline constexpr const char* kDefaultModel = "mnist_cnn.pt";

struct LoadedModel {
  std::shared_ptr<Network> network;         // on the CPU, in eval mode, without gradients
  const ModelInfo* info;                    // its entry in the table of networks
  Recipe recipe;                            // from the file, else made from the table
  std::string layout;                       // of the file, as text
  bool has_recipe;                          // whether the file contains the recipe
  bool names_its_classes;                   // whether the class names are from the file or the user
  std::vector<std::string> class_ids = {};  // alternative names of the classes, for folders; usually none
  std::string sha256 = {};                  // of the file; empty unless requested
};

// Without a recipe in the file the network is found from the names and shapes of its tensors, its preprocessing is the
// table's, and its classes are named as in the file, else as in the data set the network is for, ImageNet for networks
// for photos, if it has as many, else by number.
// Logs what was selected in a file of another program. Throws a data `Error` if the file cannot be read, no
// network fits, or a weight is not finite. `hash`: also the file's SHA-256.
LoadedModel load_model(const std::filesystem::path& path, spdlog::logger& log, bool hash = false);

// The name of the first tensor with NaN or an infinity in it; empty if there is none.
std::string first_not_finite(const StateDict& state);

// Throws a data `Error` naming the tensor if the weights that the network has from the file are not all finite.
void check_finite(const Network& network, const std::filesystem::path& path);

// A warning if a file without a recipe has another number of class names than outputs; else empty.
std::string class_names_warning(const ModelInfo& info, const ModelFile& file);

}  // namespace mnist
