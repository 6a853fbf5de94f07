// Batches of what a network's frozen part makes of images, for training its head alone.
#pragma once

#include <cstdint>

#include "mnist/data/batches.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/model/network.hpp"

namespace mnist {

// Only the parameters whose names begin so (`ModelInfo::head_layer`) are left to be trained.
void freeze_all_but(Network& network, const std::string& layer);

struct FrozenFeaturesOptions {
  // Whether an item's image is the same every time (no augmentation): its features are computed once then.
  bool constant = false;
  Precision precision = Precision::fp32;
  c10::Device device = c10::kCPU;
};

class FrozenFeatures : public Batches {
 public:
  // Keeps references: both outlive this. The network is run in evaluation mode.
  FrozenFeatures(Network& network, Batches& images, const FrozenFeaturesOptions& options)
      : network_(network), images_(images), options_(options) {}

  std::int64_t size() const override { return images_.size(); }
  void start(const torch::Tensor& order, std::int64_t epoch) override;

  // `inputs`: float [N, features]. Computed in larger batches than the head is trained in.
  Batch get(std::int64_t begin, std::int64_t end) override;

 private:
  void compute(std::int64_t begin, std::int64_t end);

  Network& network_;
  Batches& images_;
  FrozenFeaturesOptions options_;
  torch::Tensor order_;     // int64 [M], on the device
  std::int64_t ready_ = 0;  // positions of the order whose features are there
  bool complete_ = false;   // those of every item are, for good
  torch::Tensor features_;  // float [size, features]
  torch::Tensor targets_;   // int64 [size]
};

}  // namespace mnist
