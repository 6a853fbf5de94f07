// Continuing a run: which one --resume means, and with which options.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <spdlog/logger.h>

#include "mnist/report/checkpoints.hpp"
#include "mnist/report/run_directory.hpp"

#include "train_options.hpp"

namespace mnist::cli {

// A parser of `mnist train` alone, and what it has parsed.
struct TrainCommand {
  std::shared_ptr<CLI::App> app;  // the command's
  std::shared_ptr<const TrainOptions> options;
  bool same_output = true;  // of a continued run: writes its model where it did before
};

// What --resume comes to. The run directory is in hand from here on: nobody else writes there.
struct Resumption {
  std::optional<RunDirectory> directory;  // of a run that is continued, or begins again where it was stopped too early
  std::optional<FoundCheckpoint> found;   // from where it continues; nothing: from the beginning
};

// Finds the run that --resume and --run-dir mean; nothing if a new one begins. Tells `log` of checkpoints that are
// damaged, and of files that are renamed because the run begins again without one. Throws a usage `Error` if there is
// no run to continue, and a data `Error` if another process works on it, or none of its checkpoints can be read.
Resumption find_run(const TrainOptions& options, const std::string& command_line, spdlog::logger& log);

// The options that the run was begun with, with those of `given` in place of its own that may change. Throws a usage
// `Error` that names an option of `given` that may not.
TrainCommand continued_command(const CLI::App& given, const std::filesystem::path& run, const Checkpoint& checkpoint);

// How far it is: "2 epochs and 120 steps". Not by an epoch's number, which networks count differently.
std::string progress_text(const TrainingState& state);

// Throws a data `Error` if the data are not those of the run. Tells `log` what else is not as it was, and of a GPU that
// is not `deterministic`: the run continues to the usual rounding then, and no longer bit for bit.
void check_identity(const RunIdentity& now, const RunIdentity& then, bool deterministic, spdlog::logger& log);

}  // namespace mnist::cli
