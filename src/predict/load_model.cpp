#include "mnist/predict/load_model.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include <ATen/ops/aminmax.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/model/imagenet_classes.hpp"

namespace mnist {
namespace {

const ModelInfo& info_of(const ModelFile& file, const std::filesystem::path& path) {
  const std::vector<std::string> names = model_names();
  if (file.recipe) {
    if (std::ranges::find(names, file.recipe->arch) != names.end()) return model_info(file.recipe->arch);
    throw data_error(fmt::format("{} contains the network {}, which this version does not support", quoted(path),
                                 quoted_name(file.recipe->arch)),
                     fmt::format("it supports {}; a newer version may support more", fmt::join(names, ", ")));
  }
  if (const ModelInfo* info = identify(file.state)) return *info;
  throw data_error(
      fmt::format("{} contains {}, which fit no known network", quoted(path),
                  counted(std::ssize(file.state), "tensor")),
      fmt::format("known networks are {}; to list the tensors: mnist info --tensors FILE", fmt::join(names, ", ")));
}

// Number of outputs of the network in a state dict: the rows of its last layer.
std::int64_t class_count(const ModelInfo& info, const ModelFile& file) {
  for (const auto& [name, tensor] : file.state) {
    if (name == info.head && tensor.dim() > 0) return tensor.size(0);
  }
  return file.recipe ? static_cast<std::int64_t>(file.recipe->class_names.size()) : 1;
}

// Throws if a weight is an integer. Checked before the network is created, which needs four times the bytes.
void check_types(const ModelFile& file, const std::filesystem::path& path) {
  for (const auto& [name, tensor] : file.state) {
    if (tensor.is_floating_point() || name.ends_with("num_batches_tracked")) continue;
    throw data_error(fmt::format("{} stores the weight {} as integers", quoted(path), quoted_name(name)),
                     "save the weights in a floating-point type: model.float() in Python");
  }
}

std::vector<std::string> class_names(const ModelInfo& info, const ModelFile& file, std::size_t count) {
  if (file.class_names.size() == count) return file.class_names;
  if (const auto& known = dataset_names(); std::ranges::find(known, info.training.dataset) != known.end()) {
    if (auto names = dataset_class_names(info.training.dataset); names.size() == count) return names;
  }
  const std::span<const std::string_view> imagenet = imagenet_class_names();
  if (info.preprocessing.kind == Preprocessing::Kind::photo && imagenet.size() == count) {
    return {imagenet.begin(), imagenet.end()};
  }
  std::vector<std::string> numbers;
  for (std::size_t index = 0; index < count; ++index) numbers.push_back(std::to_string(index));
  return numbers;
}

// Throws if the recipe contradicts the weights or the network that it names.
void check_recipe(const Recipe& recipe, const ModelInfo& info, std::int64_t classes,
                  const std::filesystem::path& path) {
  constexpr std::int64_t kLeastPhoto = 32;  // pixels
  constexpr auto kHint = "the file was changed by another program; train or save the model again";
  if (recipe.class_names.size() != static_cast<std::size_t>(classes)) {
    throw data_error(fmt::format("{} has {}, but its network has {}", quoted(path),
                                 counted(std::ssize(recipe.class_names), "class name"), counted(classes, "output")),
                     kHint);
  }
  const Preprocessing& own = recipe.preprocessing;
  const Preprocessing& needed = info.preprocessing;
  // A network for photos accepts any size.
  const bool same_size = own.height == needed.height && own.width == needed.width;
  const bool takes_any_size =
      needed.kind == Preprocessing::Kind::photo && std::min(own.height, own.width) >= kLeastPhoto;
  if (own.channels != needed.channels || !(same_size || takes_any_size)) {
    throw data_error(
        fmt::format("{} says its input is {} x {} x {}, but the network {} takes {} x {} x {}", quoted(path),
                    own.channels, own.height, own.width, info.name, needed.channels, needed.height, needed.width),
        kHint);
  }
}

}  // namespace

LoadedModel load_model(const std::filesystem::path& path, spdlog::logger& log, bool hash) {
  if (std::error_code ignored; path == kDefaultModel && !std::filesystem::exists(path, ignored)) {
    throw data_error(fmt::format("there is no model file {}", quoted(path)),
                     "train one first (mnist train), or give another with --model");
  }
  const ModelFile file = read_model_file(path, hash);
  for (const std::string& note : file.notes) log.info("{}: {}", quoted(path), note);
  const ModelInfo& info = info_of(file, path);
  const std::int64_t classes = class_count(info, file);
  if (file.recipe) check_recipe(*file.recipe, info, classes, path);
  check_types(file, path);
  if (const std::string warning = class_names_warning(info, file); !warning.empty()) {
    log.warn("{}: {}", quoted(path), warning);
  }
  LoadedModel model;
  model.info = &info;
  model.layout = file.layout;
  model.sha256 = file.sha256;
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
  check_finite(*model.network, path);
  model.network->eval();
  for (torch::Tensor& weight : model.network->parameters()) weight.requires_grad_(false);
  return model;
}

std::string first_not_finite(const StateDict& state) {
  for (const auto& [name, tensor] : state) {
    if (!tensor.is_floating_point() || tensor.numel() == 0) continue;
    // If a tensor contains NaN, its minimum and maximum are NaN.
    const auto [least, greatest] = at::aminmax(tensor.detach());
    if (!std::isfinite(least.item<double>()) || !std::isfinite(greatest.item<double>())) return name;
  }
  return {};
}

void check_finite(const Network& network, const std::filesystem::path& path) {
  const std::string name = first_not_finite(state_dict(network));
  if (name.empty()) return;
  throw data_error(fmt::format("the weights in {} are not finite numbers: tensor {} holds NaN or an infinity",
                               quoted(path), quoted_name(name)),
                   "the training that wrote it diverged: use an earlier model, or train again with a smaller --lr");
}

std::string class_names_warning(const ModelInfo& info, const ModelFile& file) {
  const std::int64_t classes = class_count(info, file);
  if (file.recipe || file.class_names.empty() || file.class_names.size() == static_cast<std::size_t>(classes))
    return {};
  return fmt::format("its class_names are {}, but the network has {} output{}: they are not used",
                     file.class_names.size(), classes, classes == 1 ? "" : "s");
}

}  // namespace mnist
