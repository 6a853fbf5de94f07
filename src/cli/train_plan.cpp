#include "train_plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/version.hpp"
#include "mnist/device/runtime.hpp"

#include "config.hpp"
#include "options.hpp"
#include "pretrained.hpp"

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
