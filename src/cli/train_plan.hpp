// What the options of `mnist train` come to on this machine, before any data are read; and how a run's files say it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/logger.h>

#include "mnist/core/recipe.hpp"
#include "mnist/device/device.hpp"
#include "mnist/distributed/communicator.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/report/run_directory.hpp"
#include "mnist/report/run_output.hpp"
#include "mnist/train/checkpoint.hpp"
#include "mnist/train/loop.hpp"

#include "command.hpp"
#include "train_options.hpp"
#include "training_data.hpp"

namespace mnist::cli {

struct Plan {
  const TrainOptions& options;  // which outlive the plan
  const ModelInfo& info;
  Preprocessing preprocessing;
  std::int64_t threads;
  DeviceChoice device;
  TrainingOptions training;
  std::filesystem::path output;
  PickleLayout layout;
  bool quiet = false;                   // of this process: a continued run's options do not have it
  std::vector<Ancestor> ancestry = {};  // of the weights that the run began with, once they are known
};

// Whose lines a run of this network prints.
LogStyle style_of(const ModelInfo& info);

// Sets LibTorch's threads and determinism for the process. Throws an `Error` if the device or the precision is not to
// be had. `ranks`: who trains the run.
Plan make_plan(const TrainOptions& options, std::shared_ptr<Communicator> ranks, spdlog::logger& log);

// What computes, for people: "avx512", "cuda, recorded", ...
std::string kernels_text(const TrainingOptions& training);

// What decides the bits of the results: a checkpoint holds it, and a run that is continued is held to it.
RunIdentity identity_of(const Plan& plan, const CLI::App& app, const TrainingData& data);

// For config.toml and manifest.json.
RunDescription description_of(const Plan& plan, const CLI::App& app, const RunIdentity& identity,
                              const Context& context);

// Of the model, without how it was trained.
Recipe recipe_of(const Plan& plan, const std::vector<std::string>& class_names);

}  // namespace mnist::cli
