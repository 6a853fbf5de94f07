// What a training run learns from and is tested on.
#pragma once

#include <functional>
#include <memory>

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
  bool augmented = false;                          // whether a training image is another one every epoch
  std::unique_ptr<FrozenFeatures> train_features;  // nullptr where the whole network is trained
  std::unique_ptr<FrozenFeatures> test_features;

  Batches& train_batches() const { return train_features ? *train_features : *train.batches; }
  Batches& test_batches() const { return test_features ? *test_features : *test.batches; }
};

// Throws as `open_data` does, and where the splits of a folder have different classes.
TrainingData open_training_data(const DataOptions& options, const Augmentation& augmentation, const ModelInfo& info,
                                const TrainingOptions& training, spdlog::logger& log);

// Leaves only the network's head to be trained, on the features that the rest makes of the images. `network` must
// outlive `data`.
void freeze_body(TrainingData& data, Network& network, const ModelInfo& info, const TrainingOptions& training);

// Has several processes compute together what the frozen rest makes of images that are the same every time. On all
// ranks; nothing to do for one, or for a few batches only. Throws `Stopped`.
void share_features(TrainingData& data, const TrainingOptions& training, const std::function<bool()>& stop_requested);

}  // namespace mnist::cli
