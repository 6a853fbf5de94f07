// The training and test data of a run.
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

// Both splits of the data set, and their features if the body of the network is frozen.
struct TrainingData {
  OpenedData train;
  OpenedData test;
  std::optional<OpenedData> held_back;             // kept from training for --calibrate
  bool augmented = false;                          // whether training images change every epoch
  std::unique_ptr<FrozenFeatures> train_features;  // nullptr if the whole network is trained
  std::unique_ptr<FrozenFeatures> test_features;

  Batches& train_batches() const { return train_features ? *train_features : *train.batches; }
  Batches& test_batches() const { return test_features ? *test_features : *test.batches; }
};

// Throws as `open_dataset`, or as `find_training_pictures` and `open_pictures` do. `preprocessing` outlives the data.
TrainingData open_training_data(const DataOptions& options, const Augmentation& augmentation,
                                const Preprocessing& preprocessing, const TrainingOptions& training,
                                spdlog::logger& log);

// Warns if the names of two classes differ only in upper and lower case: they may be one class.
void tell_similar_names(const OpenedData& data, spdlog::logger& log);

// Warns if the largest class has more than twice the images of the smallest.
void tell_uneven(const OpenedData& data, spdlog::logger& log);

// Weights per class, so that all classes have the same total weight and the mean weight of an item is 1.
std::vector<double> balanced_weights(const std::vector<std::int64_t>& class_counts);

// Sets up training of the last layer only, on the features that the rest computes. `network` must outlive `data`.
void freeze_body(TrainingData& data, Network& network, const ModelInfo& info, const TrainingOptions& training);

// Distributes the computation of the features over all ranks if the images are the same every epoch. Call it on all
// ranks; does nothing for one rank or only a few batches. Throws `Stopped`.
void share_features(TrainingData& data, const TrainingOptions& training, const std::function<bool()>& stop_requested);

}  // namespace mnist::cli
