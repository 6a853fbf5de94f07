// The end of `mnist train`: after all epochs, after a stop, or after an error; and what a resumed run
// still has to do.
#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <optional>

#include <spdlog/logger.h>

#include "mnist/report/run_directory.hpp"
#include "mnist/report/run_output.hpp"
#include "mnist/train/checkpoint.hpp"
#include "mnist/train/loop.hpp"

#include "command.hpp"
#include "resume.hpp"
#include "stop.hpp"
#include "train_plan.hpp"
#include "training_data.hpp"

namespace mnist::cli {

// Runs `work`; logs its errors and continues.
void attempt(spdlog::logger& log, const std::function<void()>& work);

// After all epochs: writes the model and the tutorial's other files, and completes the manifest. Throws a data `Error`
// if the model cannot be written anywhere. `directory`: nullptr for a dry run without one. Throws `Stopped` for a stop
// during calibration, before anything is written; a later one only omits what the page has from an evaluation.
void end_finished(const Plan& plan, const TrainingResult& result, const TrainingData& data, Network& network,
                  RunOutput& output, RunDirectory* directory, Stop& stop, const Context& context);

// After a stop: prints how to resume. Returns the exit code.
int end_stopped(const Plan& plan, const Stop& stop, const TrainingResult& result, const RunOutput& output,
                RunDirectory* directory, const Context& context);

// After an error: finishes `output`, if any; logs what is left of the run. Does not throw; the caller
// reports the error itself.
void end_failed(RunDirectory& run, std::optional<RunOutput>& output, const std::exception& failure,
                const Context& context);

// What a restarted job has to do for the requested result.
enum class Remaining {
  all,       // to continue the run, or to write its model
  model,     // to write the model of the finished run, because its file is missing
  nothing,   // the model is there
  replaced,  // the same, because another model has replaced that of the finished run, and is kept
};

Remaining remaining_work(const std::filesystem::path& run, const Checkpoint& checkpoint, const TrainCommand& command);

// Logs what is left of a finished run.
void tell_remaining(Remaining remaining, const std::filesystem::path& run, const Checkpoint& checkpoint,
                    const TrainOptions& options, spdlog::logger& log);

}  // namespace mnist::cli
