// Batches of labelled photos in files (`data/class_folders.hpp`).
//
// The constructor decodes all photos in parallel, in bounded memory (`data/read_picture.hpp`), and finds the broken
// ones. Decoded photos stay in memory up to `cache_bytes`; the others are decoded again at each use. If a GPU makes the
// batches, the photos are in its memory, too.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "mnist/core/recipe.hpp"
#include "mnist/data/augment.hpp"
#include "mnist/data/batches.hpp"
#include "mnist/data/class_folders.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/data/decoding_memory.hpp"

namespace mnist {

struct PhotoOptions {
  bool augment = false;  // random_resized_crop with flip; else shorter side to the recipe's `resize` and centre crop
  std::uint64_t seed = 0;
  std::int64_t cache_bytes = 0;  // memory for decoded photos; 0: keep none
  c10::Device device = c10::kCPU;
  const CudaPlugin* cuda = nullptr;  // makes the batches if all photos fit into the GPU's memory
  std::function<void(const std::string&)> note = [](const std::string&) {};  // receives sentences for the user
  std::function<bool()> stop_requested = [] { return false; };               // called before each photo, by all threads
  ReadProgress progress = [](std::int64_t, std::int64_t) {};                 // while the constructor loads them
  // If `parts` processes load the same folder, each one decodes its part of the photos in the constructor, and other
  // photos at their first use. `share_broken` replaces its tensor, int64 [photos] with 1 for a broken photo, by the sum
  // over all processes.
  std::int64_t part = 0;
  std::int64_t parts = 1;
  std::function<void(const torch::Tensor&)> share_broken = [](const torch::Tensor& /*broken*/) {};
};

class PhotoBatches final : public Batches {
 public:
  // Decodes the photos. Broken photos do not throw: they are omitted and listed in `broken()`. Throws a data `Error` if
  // a class has no photo left, and `Stopped` on request.
  PhotoBatches(PhotoFolder folder, const Preprocessing& preprocessing, const PhotoOptions& options);

  std::int64_t size() const override { return static_cast<std::int64_t>(folder_.paths.size()); }
  void start(const torch::Tensor& order, std::int64_t epoch) override;
  Batch get(std::int64_t begin, std::int64_t end) override;
  bool prepare(std::int64_t rows, Batch& batch) override;
  void gather(const CudaPlugin& cuda, const torch::Tensor& clock, std::int64_t batch_size, Batch& batch) override;

  const PhotoFolder& folder() const { return folder_; }  // without the broken ones
  const std::vector<BrokenPhoto>& broken() const { return broken_; }
  // Number of photos that this process decoded but could not keep in memory.
  std::int64_t not_kept() const { return decoded_count_ - cached_count_; }

 private:
  void load_part(std::vector<std::string>& faults);
  void share_faults(std::vector<std::string>& faults);
  void omit_broken(const std::vector<std::string>& faults);
  // uint8 [3, H, W]: the whole photo if it is augmented later, else the network's input.
  torch::Tensor decode(std::int64_t item) const;
  void keep(std::int64_t item, torch::Tensor photo);  // if there is room
  bool is_own(std::int64_t item) const { return item % options_.parts == options_.part; }
  torch::Tensor prepared(std::int64_t item);                          // uint8 [3, height, width]
  Crop crop_of(std::int64_t item, const torch::Tensor& photo) const;  // in this epoch; of `decode`'s result
  void prepare_from(std::int64_t begin, std::int64_t end);
  void put_photos_on_gpu();
  void put_crops_on_gpu();

  PhotoFolder folder_;
  Preprocessing preprocessing_;
  PhotoOptions options_;
  mutable DecodingMemory memory_;
  std::vector<torch::Tensor> cache_;  // by item; undefined if not kept
  std::vector<BrokenPhoto> broken_;
  std::atomic<std::int64_t> kept_bytes_ = 0;
  std::int64_t decoded_count_ = 0;  // photos that the constructor decoded, without broken ones
  std::int64_t cached_count_ = 0;   // of these, photos in memory
  torch::Tensor labels_;            // int64 [N] on the CPU
  torch::Tensor order_;
  std::int64_t epoch_ = 0;
  // Positions of the order that the CPU has prepared, on the device: the current batch, and enough following batches to
  // keep all threads busy.
  struct {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    torch::Tensor pixels;  // uint8 [N, 3, height, width]
    torch::Tensor labels;  // int64 [N]
  } ready_;
  CudaPhotos on_gpu_;  // if the GPU makes the batches
  bool gpu_is_full_ = false;
  bool crops_on_gpu_ = false;  // the crops of this epoch
  torch::Tensor clock_;        // of `get`, on the GPU
};

}  // namespace mnist
