// Batches of labelled photos in files (`data/class_folders.hpp`).
//
// Photos are decoded in parallel when they are loaded, in bounded memory (`data/read_picture.hpp`), which also finds
// those that are broken, and kept as bytes as far as the bound on memory goes; the rest are decoded again whenever they
// are used. Where a GPU makes the batches, it has them in its memory too.
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
  bool augment = false;  // random_resized_crop and flip; else shorter side to the recipe's `resize` and middle crop
  std::uint64_t seed = 0;
  std::int64_t cache_bytes = 0;  // memory for decoded photos
  c10::Device device = c10::kCPU;
  const CudaPlugin* cuda = nullptr;  // makes the batches, of photos that all fit into its GPU's memory
  std::function<void(const std::string&)> note = [](const std::string&) {};  // gets what the user should know
  std::function<bool()> stop_requested = [] { return false; };               // asked before each photo, by every thread
  // Where several processes load the same folder, each looks at its part of the photos, and decodes others when it
  // first needs them. `share_broken` adds up the processes' int64 [photos], 1 where a photo is broken.
  std::int64_t part = 0;
  std::int64_t parts = 1;
  std::function<void(const torch::Tensor&)> share_broken = [](const torch::Tensor& /*broken*/) {};
};

class PhotoBatches final : public Batches {
 public:
  // Decodes every photo. Those that are broken are left out and listed in `broken`; nothing is thrown for them.
  // Throws a data `Error` if none of a class is left, and `Stopped`.
  PhotoBatches(PhotoFolder folder, const Preprocessing& preprocessing, const PhotoOptions& options);

  std::int64_t size() const override { return static_cast<std::int64_t>(folder_.paths.size()); }
  void start(const torch::Tensor& order, std::int64_t epoch) override;
  Batch get(std::int64_t begin, std::int64_t end) override;
  bool prepare(std::int64_t rows, Batch& batch) override;
  void gather(const CudaPlugin& cuda, const torch::Tensor& clock, std::int64_t batch_size, Batch& batch) override;

  const PhotoFolder& folder() const { return folder_; }  // without the broken ones
  const std::vector<BrokenPhoto>& broken() const { return broken_; }
  // Photos that this process has decoded and does not keep: there is no room for them.
  std::int64_t not_kept() const { return looked_at_ - cached_; }

 private:
  void load_part(std::vector<std::string>& faults);
  void share_faults(std::vector<std::string>& faults);
  void omit_broken(const std::vector<std::string>& faults);
  // uint8 [3, H, W]: the whole photo where it is to be augmented, else what the network sees of it.
  torch::Tensor decode(std::int64_t item) const;
  void keep(std::int64_t item, torch::Tensor photo);  // if there is room
  bool is_own(std::int64_t item) const { return item % options_.parts == options_.part; }
  torch::Tensor prepared(std::int64_t item);                          // uint8 [3, height, width]
  Crop crop_of(std::int64_t item, const torch::Tensor& photo) const;  // in this epoch; of what `decode` gave
  void prepare_from(std::int64_t begin, std::int64_t end);
  void put_photos_on_gpu();
  void put_crops_on_gpu();

  PhotoFolder folder_;
  Preprocessing preprocessing_;
  PhotoOptions options_;
  mutable DecodingMemory memory_;
  std::vector<torch::Tensor> decoded_;  // by item; undefined where it is not kept
  std::vector<BrokenPhoto> broken_;
  std::atomic<std::int64_t> kept_bytes_ = 0;
  std::int64_t looked_at_ = 0;  // when they were loaded, and not broken
  std::int64_t cached_ = 0;     // of these
  torch::Tensor labels_;        // int64 [N] on the CPU
  torch::Tensor order_;
  std::int64_t epoch_ = 0;
  // Positions of the order that the CPU has made ready, on the device: those of a batch, and of as many batches after
  // it as keep every thread busy.
  struct {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    torch::Tensor pixels;  // uint8 [N, 3, height, width]
    torch::Tensor labels;  // int64 [N]
  } ready_;
  CudaPhotos on_gpu_;  // where the GPU makes the batches
  bool gpu_is_full_ = false;
  bool crops_on_gpu_ = false;  // those of this epoch
  torch::Tensor clock_;        // of `get`, on the GPU
};

}  // namespace mnist
