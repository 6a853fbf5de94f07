// Batches of features, computed from images by the frozen part of a network. For training only its head.
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

// Freezes all parameters except those whose names start with `layer` (`ModelInfo::head_layer`).
void freeze_all_but(Network& network, const std::string& layer);

struct FrozenFeaturesOptions {
  // Whether an item always has the same image (no augmentation). If so, its features are computed only once.
  bool constant = false;
  Compute compute;
};

// The last bits of an image's features depend on the images that are computed together with it. So that a resumed run
// gets the same bits, these chunks are fixed: consecutive items for constant features, otherwise consecutive positions
// of the epoch on this rank.
class FrozenFeatures : public Batches {
 public:
  // Keeps references: `network` and `images` must outlive this object. The network runs in evaluation mode.
  FrozenFeatures(Network& network, Batches& images, const FrozenFeaturesOptions& options);

  std::int64_t size() const override { return images_.size(); }
  void start(const torch::Tensor& order, std::int64_t epoch) override;

  // `inputs`: float [N, features].
  Batch get(std::int64_t begin, std::int64_t end) override;

  // Optional, for constant features: computes the features of all images, each rank a part of them. Call it on all
  // ranks, with equal networks. Without it, each rank computes the features that it needs itself. Throws `Stopped` on
  // request.
  void compute_together(Communicator& ranks, const std::function<bool()>& stop_requested);

 private:
  void compute(std::int64_t chunk);
  void allocate(const torch::Tensor& like, std::int64_t features);

  Network& network_;
  Batches& images_;
  FrozenFeaturesOptions options_;
  std::int64_t chunk_size_;     // images per chunk
  std::vector<bool> computed_;  // by chunk of items or positions: whether it is computed
  torch::Tensor order_;         // int64 [M] on the CPU
  torch::Tensor features_;      // float [size, features]; by item
  torch::Tensor targets_;       // int64 [size]
};

}  // namespace mnist
