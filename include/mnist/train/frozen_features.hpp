// Batches of what a network's frozen part makes of images, for training its head alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "mnist/data/batches.hpp"
#include "mnist/distributed/communicator.hpp"
#include "mnist/model/network.hpp"
#include "mnist/train/compute.hpp"

namespace mnist {

// Only the parameters whose names begin so (`ModelInfo::head_layer`) are left to be trained.
void freeze_all_but(Network& network, const std::string& layer);

struct FrozenFeaturesOptions {
  // Whether an item's image is the same every time (no augmentation): its features are computed once then.
  bool constant = false;
  Compute compute;
};

// Which images are computed at once decides the last bits of their features. So that a run that is continued gets the
// same ones, that is fixed: constant features in the order of the items, others in the order of the epoch's positions
// on this rank.
class FrozenFeatures : public Batches {
 public:
  // Keeps references: both outlive this. The network is run in evaluation mode.
  FrozenFeatures(Network& network, Batches& images, const FrozenFeaturesOptions& options);

  std::int64_t size() const override { return images_.size(); }
  void start(const torch::Tensor& order, std::int64_t epoch) override;

  // `inputs`: float [N, features].
  Batch get(std::int64_t begin, std::int64_t end) override;

  // Constant features of all images, of which each rank computes its part. On all ranks, whose networks are the same;
  // otherwise each computes what it comes to need, in time all of them. Throws `Stopped`.
  void compute_together(Communicator& ranks, const std::function<bool()>& stop_requested);

 private:
  void compute(std::int64_t chunk);
  void make_room(const torch::Tensor& like, std::int64_t features);

  Network& network_;
  Batches& images_;
  FrozenFeaturesOptions options_;
  std::int64_t at_once_;     // images of a chunk
  std::vector<bool> ready_;  // chunks of items, or of positions, that were computed
  torch::Tensor order_;      // int64 [M] on the CPU
  torch::Tensor features_;   // float [size, features]; by item
  torch::Tensor targets_;    // int64 [size]
};

}  // namespace mnist
