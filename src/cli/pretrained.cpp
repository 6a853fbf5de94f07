#include "pretrained.hpp"

#include <cstdlib>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/format/model_file.hpp"

namespace mnist::cli {

std::filesystem::path default_weights() {
  const char* variable = std::getenv("MNIST_DATA_DIR");
  const std::filesystem::path dir = variable == nullptr || *variable == '\0' ? "data" : variable;
  return dir / "weights" / "resnet18-f37072fd.pth";
}

std::string initial_weights(const ModelInfo& info, const std::string& weights) {
  if (!weights.empty()) return weights;
  return info.starts_pretrained ? default_weights().string() : "none";
}

bool load_initial_weights(Network& network, const ModelInfo& info, const std::string& weights,
                          const std::vector<std::string>& class_names, spdlog::logger& log) {
  const std::filesystem::path path = initial_weights(info, weights);
  if (path != "none") {
    load_pretrained(network, info, path, class_names, log);
    return true;
  }
  if (info.starts_pretrained) {
    log.warn(
        "starting from random weights: without what ImageNet teaches, the network needs many more photos and epochs "
        "than the recipe has");
  }
  return false;
}

void load_pretrained(Network& network, const ModelInfo& info, const std::filesystem::path& path,
                     const std::vector<std::string>& class_names, spdlog::logger& log) {
  if (std::error_code ignored; path == default_weights() && !std::filesystem::exists(path, ignored)) {
    throw data_error(fmt::format("the pretrained weights {} are not there", quoted(path)),
                     "get them with scripts/fetch_data resnet18, name a file with --weights, or start without: "
                     "--weights none");
  }
  ModelFile file = read_model_file(path);
  const std::vector<std::string>& theirs = file.recipe ? file.recipe->class_names : file.class_names;
  const bool same_classes = theirs == class_names;
  if (!same_classes) {
    const std::string layer = info.head_layer();
    std::erase_if(file.state, [&](const auto& entry) { return entry.first.starts_with(layer); });
    for (const auto& [name, tensor] : state_dict(network)) {
      if (name.starts_with(layer)) file.state.emplace_back(name, tensor.detach().clone());
    }
  }
  load_state_dict(network, file.state, quoted(path));
  log.info("weights: {}{}", quoted(path), same_classes ? "" : "; the last layer is new");
}

}  // namespace mnist::cli
