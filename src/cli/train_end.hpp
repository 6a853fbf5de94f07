// How `mnist train` comes to its end: with all of its epochs, stopped, or by an error; and whether there is anything
// left to do for a run that is continued.
#pragma once

#include <exception>
#include <filesystem>
#include <functional>

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

// What fails in `work` is told, and ends nothing.
void attempt(spdlog::logger& log, const std::function<void()>& work);

// A run that has all of its epochs: writes the model, and what the tutorial leaves beside it, and completes the
// manifest. Throws a data `Error` if the model cannot be written anywhere. `directory`: nullptr for a dry run without
// one. `stop_requested` counts while the probabilities are calibrated: throws `Stopped`, before anything is written.
void end_finished(const Plan& plan, const TrainingResult& result, const TrainingData& data, Network& network,
                  RunOutput& output, RunDirectory* directory, const std::function<bool()>& stop_requested,
                  const Context& context);

// A run that was stopped: says how to continue. Returns its exit code.
int end_stopped(const Plan& plan, const Stop& stop, const TrainingResult& result, const RunOutput& output,
                RunDirectory* directory, const Context& context);

// What can still be said of a run that failed. Throws nothing: the failure itself is on its way to the user.
void end_failed(RunDirectory& run, const std::exception& failure, spdlog::logger& log);

// Whether all that was asked for is there already: then a job that is started once more has nothing to do.
bool is_done(const std::filesystem::path& run, const Checkpoint& checkpoint, const TrainCommand& command);

}  // namespace mnist::cli
