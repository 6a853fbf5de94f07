#include "load_model.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/format/model_file.hpp"

#include "open_data.hpp"

namespace mnist::cli {
namespace {

const ModelInfo& info_of(const ModelFile& file, const std::filesystem::path& path) {
  const std::vector<std::string> names = model_names();
  if (file.recipe) {
    if (std::ranges::find(names, file.recipe->arch) != names.end()) return model_info(file.recipe->arch);
    throw data_error(
        fmt::format("{} holds the network '{}', which this version does not know", quoted(path), file.recipe->arch),
        fmt::format("it knows {}; a newer version may know more", fmt::join(names, ", ")));
  }
  if (const ModelInfo* info = identify(file.state)) return *info;
  throw data_error(
      fmt::format("{} holds {} tensors that fit no known network", quoted(path), file.state.size()),
      fmt::format("the known ones are {}; see the tensors with: mnist info --tensors FILE", fmt::join(names, ", ")));
}

// Outputs of the network in a state dict: the rows of its last layer.
std::int64_t class_count(const ModelInfo& info, const ModelFile& file) {
  for (const auto& [name, tensor] : file.state) {
    if (name == info.head && tensor.dim() > 0) return tensor.size(0);
  }
  return file.recipe ? static_cast<std::int64_t>(file.recipe->class_names.size()) : 1;
}

std::vector<std::string> class_names(const ModelInfo& info, const ModelFile& file, std::size_t count) {
  if (file.class_names.size() == count) return file.class_names;
  if (const auto& known = dataset_names(); std::ranges::find(known, info.training.dataset) != known.end()) {
    if (auto names = dataset_class_names(info.training.dataset); names.size() == count) return names;
  }
  std::vector<std::string> numbers;
  for (std::size_t index = 0; index < count; ++index) numbers.push_back(std::to_string(index));
  return numbers;
}

}  // namespace

LoadedModel load_model(const std::filesystem::path& path) {
  if (std::error_code ignored; path == kDefaultModel && !std::filesystem::exists(path, ignored)) {
    throw data_error(fmt::format("there is no model file {}", quoted(path)),
                     "train one first (mnist train), or name another with --model");
  }
  const ModelFile file = read_model_file(path);
  const ModelInfo& info = info_of(file, path);
  const std::int64_t classes = class_count(info, file);
  if (file.recipe && file.recipe->class_names.size() != static_cast<std::size_t>(classes)) {
    throw data_error(fmt::format("{} names {} classes, but its network has {} outputs", quoted(path),
                                 file.recipe->class_names.size(), classes),
                     "the file was changed by another program; train or save the model again");
  }
  if (file.recipe) {
    const Preprocessing& own = file.recipe->preprocessing;
    const Preprocessing& needed = info.preprocessing;
    if (own.channels != needed.channels || own.height != needed.height || own.width != needed.width) {
      throw data_error(
          fmt::format("{} says its input is {} x {} x {}, but the network {} takes {} x {} x {}", quoted(path),
                      own.channels, own.height, own.width, info.name, needed.channels, needed.height, needed.width),
          "the file was changed by another program; train or save the model again");
    }
  }
  LoadedModel model;
  model.info = &info;
  model.layout = file.layout;
  model.has_recipe = file.recipe.has_value();
  model.names_its_classes = file.recipe || file.class_names.size() == static_cast<std::size_t>(classes);
  if (file.recipe) {
    model.recipe = *file.recipe;
  } else {
    model.recipe.arch = info.name;
    model.recipe.class_names = class_names(info, file, static_cast<std::size_t>(classes));
    model.recipe.preprocessing = info.preprocessing;
  }
  constexpr std::uint64_t kAnySeed = 0;  // every weight is replaced
  model.network = make_network(info, classes, kAnySeed);
  load_state_dict(*model.network, file.state, quoted(path));
  model.network->eval();
  return model;
}

std::string dataset_of(const LoadedModel& model) {
  const std::string& trained_on = model.recipe.training.dataset;
  const auto names = all_dataset_names();
  const bool known = std::ranges::find(names, trained_on) != names.end();
  return known ? trained_on : model.info->training.dataset;
}

}  // namespace mnist::cli
