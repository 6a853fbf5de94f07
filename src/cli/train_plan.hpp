// The resolved options of `mnist train` on this machine, before data are read; and their form in a run's files.
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
#include "mnist/report/tensorboard.hpp"
#include "mnist/train/checkpoint.hpp"
#include "mnist/train/loop.hpp"

#include "command.hpp"
#include "train_options.hpp"
#include "training_data.hpp"

namespace mnist::cli {

struct Plan {
  const TrainOptions& options;  // must outlive the plan
  const ModelInfo& info;
  Preprocessing preprocessing;
  std::int64_t threads;
  DeviceChoice device;
  TrainingOptions training;
  std::filesystem::path output;
  PickleLayout layout;
  bool quiet = false;                   // of this process, not stored with the run
  std::vector<Ancestor> ancestry = {};  // of the initial weights, once known
};

// The Python program whose lines a run of this network prints.
LogStyle style_of(const ModelInfo& info);

// The name of the images that test each epoch: "validation" for own pictures, else "test".
const char* held_out_name(const Plan& plan);

// Sets LibTorch's threads and determinism for the process. Throws an `Error` if the device or the precision is not
// available. `ranks`: the processes of the run.
Plan make_plan(const TrainOptions& options, std::shared_ptr<Communicator> ranks, spdlog::logger& log);

// The kernels in use, as text: "avx512", "cuda, recorded", ...
std::string kernels_text(const TrainingOptions& training);

// Everything that the bits of the results depend on: stored in a checkpoint, and compared when a run resumes.
RunIdentity identity_of(const Plan& plan, const CLI::App& app, const TrainingData& data);

// For config.toml and manifest.json.
RunDescription description_of(const Plan& plan, const CLI::App& app, const RunIdentity& identity,
                              const Context& context);

// The options that change the figures of the run, for TensorBoard: all of them, also those without a value.
std::vector<HyperParameter> hyperparameters_of(const Plan& plan, const CLI::App& app);

// The recipe of the model, without training data.
Recipe recipe_of(const Plan& plan, const TrainingData& data);

}  // namespace mnist::cli
