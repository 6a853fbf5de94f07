// What a training run learns from and is tested on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <spdlog/logger.h>

#include "mnist/model/registry.hpp"
#include "mnist/train/frozen_features.hpp"
#include "mnist/train/loop.hpp"

#include "open_data.hpp"

namespace mnist::cli {

// Both splits of the data set, and for a network whose body is frozen what that makes of them.
struct TrainingData {
  OpenedData train;
  OpenedData test;
  std::optional<OpenedData> held_back;             // kept from training for --calibrate
  bool augmented = false;                          // whether a training image is another one every epoch
  std::unique_ptr<FrozenFeatures> train_features;  // nullptr where the whole network is trained
  std::unique_ptr<FrozenFeatures> test_features;

  Batches& train_batches() const { return train_features ? *train_features : *train.batches; }
  Batches& test_batches() const { return test_features ? *test_features : *test.batches; }
};

// Throws as `open_dataset`, or as `find_training_pictures` and `open_pictures` do. `preprocessing` outlives the data.
TrainingData open_training_data(const DataOptions& options, const Augmentation& augmentation,
                                const Preprocessing& preprocessing, const TrainingOptions& training,
                                spdlog::logger& log);

// What an item of each class counts, so that all classes count the same in all and an item counts 1 in the mean.
std::vector<double> balanced_weights(const std::vector<std::int64_t>& class_counts);

// Leaves only the network's head to be trained, on the features that the rest makes of the images. `network` must
// outlive `data`.
void freeze_body(TrainingData& data, Network& network, const ModelInfo& info, const TrainingOptions& training);

// Has several processes compute together what the frozen rest makes of images that are the same every time. On all
// ranks; nothing to do for one, or for a few batches only. Throws `Stopped`.
void share_features(TrainingData& data, const TrainingOptions& training, const std::function<bool()>& stop_requested);

}  // namespace mnist::cli
