// --classes FILE: what the outputs of a network are called, where its file does not say so or says it otherwise.
#pragma once

#include <filesystem>

#include <CLI/CLI.hpp>

#include "load_model.hpp"

namespace mnist::cli {

CLI::Option* add_classes(CLI::App& app, std::filesystem::path& value);

// Has the model call its classes by the names in `file`; where that is empty, nothing. The file holds in the order of
// the outputs
// - one name a line; or as JSON
// - a list of names: ["ants", "bees"]
// - an object from number to name, {"0": "ants", "1": "bees"}, or from name to number, {"ants": 0, "bees": 1}
// - either of the first two with lists for names, whose last one is taken: {"0": ["n01440764", "tench"], ...} is Keras'
//   imagenet_class_index.json. The first ones then are what folders may be called (`LoadedModel::class_ids`).
// Throws a data `Error` if it is none of this, or the names are not as many as the outputs. `model`: its file.
void name_classes(LoadedModel& model, const std::filesystem::path& model_file, const std::filesystem::path& file);

}  // namespace mnist::cli
