#include "train_plan.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/version.hpp"
#include "mnist/device/runtime.hpp"

#include "config.hpp"
#include "options.hpp"
#include "pretrained.hpp"
#include "run_figures.hpp"
#include "toml.hpp"

namespace mnist::cli {

namespace {

// Ranks on one machine share its processors.
int threads_for(const TrainOptions& options, const Communicator& ranks) {
  const int wanted = wanted_threads(options.threads);
  return wanted > 0 || ranks.size() == 1 ? wanted : std::max(1, allowed_cores() / ranks.ranks_on_same_processors());
}

// The network's own, or of another size.
Preprocessing preprocessing_of(const ModelInfo& info, std::int64_t img_size) {
  if (img_size == 0) return info.preprocessing;
  if (info.preprocessing.kind != Preprocessing::Kind::photo) {
    throw usage_error(fmt::format("--img-size is for networks for photos, but {} takes images of {} x {}", info.name,
                                  info.preprocessing.height, info.preprocessing.width),
                      "omit it");
  }
  return resized(info.preprocessing, img_size);
}

}  // namespace

Plan make_plan(const TrainOptions& options, std::shared_ptr<Communicator> ranks, spdlog::logger& log) {
  if (options.deterministic) set_deterministic();
  keep_freed_memory();
  const int threads = set_threads(threads_for(options, *ranks));
  DeviceChoice device = select_device(options.device);
  if (ranks->size() > 1 && !device.device.is_cpu()) {
    throw device_error(fmt::format("{} processes train on CPUs only, not on {}", ranks->size(), device.device.str()),
                       "use --device cpu, or one process for the GPU");
  }
  const ModelInfo& info = model_info(options.arch);
  TrainingOptions training = training_options(options, device.device, log);
  training.ranks = std::move(ranks);
  training.first_epoch = first_epoch(style_of(info));
  return {options,
          info,
          preprocessing_of(info, options.img_size),
          threads,
          std::move(device),
          std::move(training),
          output_path(options),
          info.names_classes ? PickleLayout::with_class_names : PickleLayout::state_dict};
}

LogStyle style_of(const ModelInfo& info) {
  return info.prints_phases ? LogStyle::transfer : LogStyle::reference;
}

const char* held_out_name(const Plan& plan) {
  return plan.options.recipe.dataset == kFolder ? "validation" : "test";
}

std::string kernels_text(const TrainingOptions& training) {
  if (!training.compute.device.is_cuda()) return kernels_name(training.compute.kernels);
  if (training.compute.cuda == nullptr) return kernels_name(nullptr);
  return training.cuda_graphs ? "cuda, recorded" : "cuda";
}

namespace {

// The options with resolved values of "auto", 0 threads and defaults that depend on others.
std::string config_of(const Plan& plan, const CLI::App& app) {
  std::map<std::string, std::string> resolved = {{"device", plan.device.device.str()},
                                                 {"threads", std::to_string(plan.threads)},
                                                 {"precision", precision_name(plan.training.compute.precision)},
                                                 {"output", plan.output.string()},
                                                 {"weights", initial_weights(plan.info, plan.options.weights)}};
  if (plan.training.compute.device.is_cpu()) resolved["kernels"] = kernels_name(plan.training.compute.kernels);
  return resolved_config(app, resolved);
}

}  // namespace

RunIdentity identity_of(const Plan& plan, const CLI::App& app, const TrainingData& data) {
  return {.config = resolved_config(app),
          .data = data.train.fingerprint + " " + data.test.fingerprint,
          .libtorch = libtorch_version(),
          .build = build_info().git_revision,
          .cpu = cpu_model(),
          .device = plan.device.description,
          .precision = precision_name(plan.training.compute.precision),
          .kernels = kernels_text(plan.training),
          .threads = plan.threads,
          .ranks = plan.training.ranks->size()};
}

RunDescription description_of(const Plan& plan, const CLI::App& app, const RunIdentity& identity,
                              const Context& context) {
  return {.command_line = context.command_line,
          .config = config_of(plan, app),
          .arch = plan.info.name,
          .dataset = plan.options.recipe.dataset,
          .device = identity.device,
          .precision = identity.precision,
          .kernels = identity.kernels,
          .libtorch = identity.libtorch,
          .threads = identity.threads,
          .ranks = identity.ranks,
          .seed = plan.training.seed};
}

std::vector<HyperParameter> hyperparameters_of(const Plan& plan, const CLI::App& app) {
  std::map<std::string, std::string> values;
  for (const TomlEntry& entry : parse_toml(config_of(plan, app), "options")) {
    if (!entry.key.empty()) values[entry.key] = fmt::format("{}", fmt::join(entry.values, " "));
  }
  constexpr std::array<std::string_view, 5> kImportant = {"arch", "batch-size", "dataset", "lr", "optimizer"};
  std::vector<HyperParameter> parameters;
  for (const CLI::Option* const option : config_options(app)) {
    HyperParameter parameter{.name = option->get_single_name()};
    const bool left_out = parameter.name == "data-dir" || parameter.name == "dry-run";
    if (left_out || !changes_figures(parameter.name)) continue;
    parameter.important = std::ranges::count(kImportant, parameter.name) > 0;
    const bool is_number = is_integer(*option) || is_real(*option);
    if (is_number) parameter.type = HyperParameter::Type::number;
    if (is_flag(*option)) parameter.type = HyperParameter::Type::flag;
    if (const auto found = values.find(parameter.name); found != values.end()) {
      const std::string& text = found->second;
      if (is_flag(*option)) {
        parameter.value = text == "true";
      } else if (is_number) {
        parameter.value = std::strtod(text.c_str(), nullptr);
      } else {
        parameter.value = text;
      }
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

Recipe recipe_of(const Plan& plan, const TrainingData& data) {
  Recipe recipe;
  recipe.arch = plan.info.name;
  recipe.class_names = data.train.class_names;
  recipe.preprocessing = plan.preprocessing;
  recipe.training.dataset = plan.options.recipe.dataset;
  recipe.training.val_split = plan.options.data.val_split;
  if (plan.options.recipe.dataset == kFolder) {
    recipe.training.train_sha256 = data.train.fingerprint;
    recipe.training.val_sha256 = data.test.fingerprint;
  }
  recipe.training.limit_batches = plan.training.limit_batches;
  recipe.training.ancestry = plan.ancestry;
  recipe.training.seed = static_cast<std::int64_t>(plan.options.seed);
  return recipe;
}

}  // namespace mnist::cli
