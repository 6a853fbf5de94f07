// Continuing a run: which one --resume means, and with which options.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <spdlog/logger.h>

#include "mnist/report/checkpoints.hpp"

#include "train_options.hpp"

namespace mnist::cli {

// A parser of `mnist train` alone, and what it has parsed.
struct TrainCommand {
  std::shared_ptr<CLI::App> app;  // the command's
  std::shared_ptr<const TrainOptions> options;
};

// A run that is to be continued, and from where.
struct Continuation {
  std::filesystem::path run;
  FoundCheckpoint found;
};

// The run that --resume and --run-dir mean. Nothing: a new run begins. Tells `log` of checkpoints that are damaged.
// Throws a usage `Error` if there is no run to continue, and a data `Error` if none of its checkpoints can be read.
std::optional<Continuation> find_continuation(const TrainOptions& options, spdlog::logger& log);

// The options of that run, with those of `given` in place of its own that may change. Throws a usage `Error` that names
// an option of `given` that may not.
TrainCommand continued_command(const CLI::App& given, const Continuation& continuation);

// Throws a data `Error` if the data are not those of the run. Tells `log` what else is not as it was: the run continues
// to the usual rounding then, and no longer bit for bit.
void check_identity(const RunIdentity& now, const RunIdentity& then, spdlog::logger& log);

}  // namespace mnist::cli
