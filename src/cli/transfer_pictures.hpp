// The pictures of a transfer-learning run, named as the program that it replaces names them.
#pragma once

#include <filesystem>
#include <string>

#include "mnist/model/registry.hpp"
#include "mnist/train/loop.hpp"

#include "open_data.hpp"

namespace mnist::cli {

// "resnet18-finetuned_predictions.png" or "resnet18-fixedfeatures_predictions.png"
std::string predictions_name(const ModelInfo& info, const std::string& scenario);

// The first training batch of the run as the network sees it, with its labels.
void draw_training_batch(const std::filesystem::path& path, const OpenedData& data, const TrainingOptions& training,
                         const ModelInfo& info);

// Six images spread over the validation set with their predicted and true classes and the probability.
void draw_predictions(const std::filesystem::path& path, Network& network, const OpenedData& data, double temperature,
                      const TrainingOptions& training, const ModelInfo& info);

}  // namespace mnist::cli
