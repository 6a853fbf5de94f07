// --classes FILE: the names of a network's outputs, instead of those in its model file.
#pragma once

#include <filesystem>

#include <CLI/CLI.hpp>

#include "mnist/predict/load_model.hpp"

namespace mnist::cli {

CLI::Option* add_classes(CLI::App& app, std::filesystem::path& value);

// Sets the model's class names from `file`; does nothing if `file` is empty. The file contains, in the order of the
// outputs,
// - one name a line; or as JSON
// - a list of names: ["ants", "bees"]
// - an object from number to name, {"0": "ants", "1": "bees"}, or from name to number, {"ants": 0, "bees": 1}
// - either of the first two with lists instead of names, for example Keras' imagenet_class_index.json:
//   {"0": ["n01440764", "tench"], ...}. The last entry is the name; the first one may be the name of a folder
//   (`LoadedModel::class_ids`).
// Throws a data `Error` for any other content, or if there is not one name per output. `model`: its file.
void name_classes(LoadedModel& model, const std::filesystem::path& model_file, const std::filesystem::path& file,
                  spdlog::logger& log);

}  // namespace mnist::cli
