// Pictures of images that a run draws: the first training batch, and predictions of transfer learning.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mnist/model/registry.hpp"
#include "mnist/report/pictures.hpp"
#include "mnist/train/loop.hpp"

#include "open_data.hpp"

namespace mnist::cli {

// "resnet18-finetuned_predictions.png" or "resnet18-fixedfeatures_predictions.png"
std::string predictions_name(const ModelInfo& info, const std::string& scenario);

// The first images of the first training batch, as the network sees them, with their labels.
std::vector<CaptionedImage> training_batch(const OpenedData& data, const TrainingOptions& training,
                                           const ModelInfo& info);

// Draws six images of the validation set with predicted class, true class and probability.
void draw_predictions(const std::filesystem::path& path, Network& network, const OpenedData& data, double temperature,
                      const TrainingOptions& training, const ModelInfo& info);

}  // namespace mnist::cli
