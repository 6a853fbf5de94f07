// The options of `mnist train`, and their conversion to those of the training loop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <spdlog/logger.h>

#include "mnist/core/signals.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/train/loop.hpp"

#include "open_data.hpp"

namespace mnist::cli {

struct TrainOptions {
  std::string arch = "cnn";
  DataOptions data;
  std::int64_t img_size = 0;  // 0: the network's own
  std::string augment = "on";
  double rotate = 0;
  std::string scenario = "finetuning";
  std::string class_weights = "none";
  std::string weights;  // empty: the network's default
  std::string recipe_name = "reference";
  TrainingDefaults recipe;  // defaults: those of the network's reference program
  double warmup_epochs = 0;
  double label_smoothing = 0;
  double clip_grad_norm = 0;    // 0: no clipping
  double ema_decay = 0;         // 0: no average of the weights
  std::int64_t early_stop = 0;  // 0: all epochs
  std::uint64_t seed = 1;
  std::int64_t log_interval = 10;
  bool quiet = false;
  bool verbose = false;
  bool live = false;
  std::int64_t limit_batches = 0;
  bool dry_run = false;
  std::string device = "auto";
  bool no_cuda = false;
  std::string precision;
  std::string kernels;
  int threads = 0;
  int procs = 0;  // 0: as many as the launcher started
  std::int64_t timeout = 60;
  bool deterministic = false;
  std::string cuda_graphs = "on";
  std::filesystem::path output;      // empty: named after the network
  std::filesystem::path save_model;  // old name of `output`
  bool overwrite = false;
  bool tensorboard = false;
  std::filesystem::path run_dir;  // empty: numbered
  std::string resume;             // empty: a new run; "newest", "auto" or a run directory
  std::string checkpoint_every;   // empty: every epoch, and at least every 10 minutes
  std::int64_t keep = 3;
  std::string stop_after;  // empty: never
  std::int64_t checkpoint_exit_code = kStartAgain;
};

// The value of --resume without an argument.
inline constexpr const char* kResumeNewest = "newest";
inline constexpr const char* kResumeAuto = "auto";

// Adds the options to `app`; parsing fills them.
std::shared_ptr<const TrainOptions> add_train_options(CLI::App& app);

// What --quiet and --verbose make of the log, unless `--log-level` was given to the root of `given`: on stderr warnings
// and errors only; everything. The log's files have all in any case.
void set_verbosity(const CLI::App& given, const TrainOptions& options, spdlog::logger& log);

// --output, or its default.
std::filesystem::path output_path(const TrainOptions& options);

CheckpointPolicy checkpoint_policy(const TrainOptions& options);

// Loads the plug-in if the device is an NVIDIA GPU; logs why it is not used.
TrainingOptions training_options(const TrainOptions& options, const c10::Device& device, spdlog::logger& log);

}  // namespace mnist::cli
