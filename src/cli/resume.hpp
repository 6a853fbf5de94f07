// Resuming a run: finds the run of --resume, and its options.
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

// A parser of `mnist train` only, and its result.
struct TrainCommand {
  std::shared_ptr<CLI::App> app;  // the command's
  std::shared_ptr<const TrainOptions> options;
  bool same_output = true;  // a resumed run writes its model to the same file
};

// The result of --resume. Holds the lock of the run directory: no other process writes there.
struct Resumption {
  std::optional<RunDirectory> directory;  // of a resumed run, or of one that starts again because it has no checkpoint
  std::optional<FoundCheckpoint> found;   // the checkpoint to resume from; nothing: start from the beginning
};

// Finds the run for --resume and --run-dir; nothing for a new run. Logs damaged checkpoints, and files that are renamed
// because the run starts again without a checkpoint. Throws a usage `Error` if there is
// no run to continue, and a data `Error` if another process works on it, or none of its checkpoints can be read.
Resumption find_run(const TrainOptions& options, const std::string& command_line, spdlog::logger& log);

// The options that the run started with, replaced by those of `given` that may change. Throws a usage `Error` if
// `given` contains an option that may not change.
TrainCommand continued_command(const CLI::App& given, const std::filesystem::path& run, const Checkpoint& checkpoint);

// The progress of a run: "2 epochs and 120 steps"; not the number of an epoch, which depends on the network.
std::string progress_text(const TrainingState& state);

// Throws a data `Error` if the data differ from those of the run. Warns of other differences, and of a GPU without
// `deterministic`: then the run continues up to rounding, not bit for bit.
void check_identity(const RunIdentity& now, const RunIdentity& then, bool deterministic, spdlog::logger& log);

}  // namespace mnist::cli
