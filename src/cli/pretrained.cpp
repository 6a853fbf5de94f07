#include "pretrained.hpp"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/format/fetch_command.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/predict/load_model.hpp"

namespace mnist::cli {
namespace {

enum class LastLayer { same_classes, as_many_outputs, is_new };

// How the last layer in the file is used: a plain state dict does not contain its classes.
LastLayer last_layer_of(const ModelFile& file, const Network& network, const ModelInfo& info,
                        const std::vector<std::string>& class_names) {
  const std::vector<std::string>& theirs = file.recipe ? file.recipe->class_names : file.class_names;
  if (!theirs.empty()) return theirs == class_names ? LastLayer::same_classes : LastLayer::is_new;
  const auto head_of = [&](const StateDict& state) {
    const auto found = std::ranges::find_if(state, [&](const auto& entry) { return entry.first == info.head; });
    return found == state.end() ? torch::Tensor() : found->second;
  };
  const torch::Tensor their_head = head_of(file.state);
  const bool fits = their_head.defined() && their_head.sizes() == head_of(state_dict(network)).sizes();
  return fits ? LastLayer::as_many_outputs : LastLayer::is_new;
}

std::vector<Ancestor> ancestry_of(const std::filesystem::path& path, const ModelFile& file) {
  Ancestor ancestor{.file = path.filename().string(), .sha256 = file.sha256};
  if (!file.recipe) return {ancestor};
  const TrainingSummary& training = file.recipe->training;
  ancestor.dataset = training.dataset;
  ancestor.epochs = training.epochs;
  std::vector<Ancestor> ancestry = {ancestor};
  ancestry.insert(ancestry.end(), training.ancestry.begin(), training.ancestry.end());
  return ancestry;
}

const char* last_layer_note(LastLayer last_layer) {
  switch (last_layer) {
    case LastLayer::same_classes:
      return "";
    case LastLayer::as_many_outputs:
      return "; the last layer, too, because it has one output per class";
    case LastLayer::is_new:
      return "; the last layer is new";
  }
  return "";
}

std::string size_note(const ModelFile& file, const Preprocessing& preprocessing) {
  if (!file.recipe) return "";
  const Preprocessing& theirs = file.recipe->preprocessing;
  if (theirs.height == preprocessing.height && theirs.width == preprocessing.width) return "";
  return fmt::format("; trained on images of {} x {}, this run uses {} x {}", theirs.height, theirs.width,
                     preprocessing.height, preprocessing.width);
}

}  // namespace

std::filesystem::path default_weights(const ModelInfo& info) {
  const char* variable = std::getenv("MNIST_DATA_DIR");
  const std::filesystem::path dir = variable == nullptr || *variable == '\0' ? "data" : variable;
  return dir / "weights" / info.pretrained;
}

std::string initial_weights(const ModelInfo& info, const std::string& weights) {
  if (!weights.empty()) return weights;
  return info.pretrained.empty() ? "none" : default_weights(info).string();
}

std::vector<Ancestor> load_initial_weights(Network& network, const ModelInfo& info, const std::string& weights,
                                           const std::vector<std::string>& class_names,
                                           const Preprocessing& preprocessing, spdlog::logger& log) {
  const std::filesystem::path path = initial_weights(info, weights);
  if (path != "none") {
    return load_pretrained(network, info, path, class_names, preprocessing, log);
  }
  if (!info.pretrained.empty()) {
    log.warn(
        "starting from random weights: without pretrained weights, the network needs many more photos and epochs "
        "than the recipe has");
  }
  return {};
}

std::vector<Ancestor> load_pretrained(Network& network, const ModelInfo& info, const std::filesystem::path& path,
                                      const std::vector<std::string>& class_names, const Preprocessing& preprocessing,
                                      spdlog::logger& log) {
  std::error_code ignored;
  if (!info.pretrained.empty() && path == default_weights(info) && !std::filesystem::exists(path, ignored)) {
    throw data_error(fmt::format("there are no pretrained weights {}", quoted(path)),
                     fmt::format("fetch them with {}, give a file with --weights, or start without: --weights none",
                                 fetch_command(info.name)));
  }
  ModelFile file = read_model_file(path, /*hash=*/true);
  for (const std::string& note : file.notes) log.info("{}: {}", quoted(path), note);
  const LastLayer last_layer = last_layer_of(file, network, info, class_names);
  if (last_layer == LastLayer::is_new) {
    const std::string layer = info.head_layer();
    std::erase_if(file.state, [&](const auto& entry) { return entry.first.starts_with(layer); });
    for (const auto& [name, tensor] : state_dict(network)) {
      if (name.starts_with(layer)) file.state.emplace_back(name, tensor.detach().clone());
    }
  }
  load_state_dict(network, file.state, quoted(path));
  check_finite(network, path);
  log.info("weights: {}{}{}", quoted(path), last_layer_note(last_layer), size_note(file, preprocessing));
  return ancestry_of(path, file);
}

}  // namespace mnist::cli
