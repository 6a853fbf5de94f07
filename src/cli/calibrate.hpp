// Fits the temperature of a model's probabilities at the end of training.
#pragma once

#include <functional>

#include <spdlog/logger.h>

#include "mnist/core/status_line.hpp"
#include "mnist/model/network.hpp"
#include "mnist/train/compute.hpp"

#include "train_plan.hpp"
#include "training_data.hpp"

namespace mnist::cli {

// Fits it on images that were not used for training: those of --calibrate, or the validation pictures of --dataset
// folder (with --calibrate 0 not even those), at most `limit_batches` batches. Logs the calibration error before and
// after. Returns 1 if there are no such images, and, with a warning, if it fails: a finished run must not lose its
// model. Only on rank 0. `status`: for progress. Throws `Stopped`.
double calibrate(const Plan& plan, const TrainingData& data, Network& network,
                 const std::function<bool()>& stop_requested, StatusLine& status, spdlog::logger& log);

}  // namespace mnist::cli
