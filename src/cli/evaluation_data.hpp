// The data set that a model is evaluated on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <c10/core/Device.h>
#include <spdlog/logger.h>

#include "mnist/predict/load_model.hpp"
#include "mnist/train/evaluate.hpp"

#include "open_data.hpp"

namespace mnist::cli {

struct EvaluationDataOptions {
  std::optional<std::string> dataset;  // nothing: the one the model was trained on
  DataOptions data;
  std::optional<double> val_split;  // nothing: the model's
  Split split = Split::test;
};

struct EvaluationData {
  OpenedData opened;
  std::string dataset;
  std::string part;     // "Test set", "Validation set", "Training set" or "All images"
  bool fitted = false;  // the model's temperature was fitted on these images
};

// Opens the data and logs what they are. `path`: of the model, for messages. Throws a data `Error` if the data and the
// model have different classes, and as `open_dataset` and `open_pictures` do.
EvaluationData open_evaluation_data(const LoadedModel& model, const std::filesystem::path& path,
                                    const EvaluationDataOptions& options, const c10::Device& device,
                                    spdlog::logger& log);

// Throws a data `Error` if the loss of the model at `path` is not finite.
void check_finite_loss(const Evaluation& evaluation, const std::filesystem::path& path);

}  // namespace mnist::cli
