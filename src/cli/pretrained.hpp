// Training from existing weights: --weights.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "mnist/core/recipe.hpp"
#include "mnist/model/registry.hpp"

namespace mnist::cli {

// Where `scripts/fetch_data <network>` puts the published weights of a network that has some: $MNIST_DATA_DIR/weights,
// else data/weights.
std::filesystem::path default_weights(const ModelInfo& info);

// The initial weights of a new network for --weights `weights`: a file, or "none". Empty: the network's default.
std::string initial_weights(const ModelInfo& info, const std::string& weights);

// Loads that: `weights` is --weights, a file or "none"; empty, the network's default. Tells in the
// log which weights they are. Returns the file and what it says of those it came from; nothing: the weights are random.
std::vector<Ancestor> load_initial_weights(Network& network, const ModelInfo& info, const std::string& weights,
                                           const std::vector<std::string>& class_names,
                                           const Preprocessing& preprocessing, spdlog::logger& log);

// Loads the weights of `path` into a new network, which gets inputs of `preprocessing`. The last layer keeps its own,
// new weights unless the file was trained on the same classes, or names none and has as many outputs. Tells in the log
// which, what was chosen in a file of another program, and if the file was trained on images of another size. Returns
// as `load_initial_weights`. Throws a data `Error` if the file cannot be read, does not fit, or has a weight that is
// not finite.
std::vector<Ancestor> load_pretrained(Network& network, const ModelInfo& info, const std::filesystem::path& path,
                                      const std::vector<std::string>& class_names, const Preprocessing& preprocessing,
                                      spdlog::logger& log);

}  // namespace mnist::cli
