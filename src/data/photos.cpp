#include "mnist/data/photos.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/data/prepare.hpp"

#include "picture.hpp"

namespace mnist {

PhotoBatches::PhotoBatches(PhotoFolder folder, const Preprocessing& preprocessing, const PhotoOptions& options)
    : folder_(std::move(folder)), preprocessing_(preprocessing), options_(options), memory_(at::get_num_threads()) {
  cache_.resize(folder_.paths.size());
  std::vector<std::string> faults(folder_.paths.size());  // why a photo is broken
  const std::vector<std::int64_t> all_labels = folder_.labels;
  load_part(faults);
  options_.progress = {};  // which may not outlive this
  if (options_.parts > 1) share_faults(faults);
  omit_broken(faults);
  labels_ = torch::tensor(folder_.labels, torch::kInt64);
  check_classes_are_left(all_labels, folder_, broken_);
}

void PhotoBatches::load_part(std::vector<std::string>& faults) {
  std::atomic<bool> stopped = false;
  std::atomic<std::int64_t> done = 0;
  const std::int64_t own = (size() - options_.part + options_.parts - 1) / options_.parts;
  at::parallel_for(0, size(), 1, [&](std::int64_t begin, std::int64_t end) {
    const c10::AutoGradMode no_grad(false);
    for (std::int64_t item = begin; item < end && !stopped; ++item) {
      if (options_.stop_requested()) {
        stopped = true;
        return;
      }
      if (!is_own(item)) continue;
      try {
        keep(item, decode(item));
      } catch (const Error& error) {
        faults[static_cast<std::size_t>(item)] = error.what();
      }
      options_.progress(++done, own);
    }
  });
  if (stopped) throw Stopped();
}

// All processes omit the same photos, and each one knows the reason.
void PhotoBatches::share_faults(std::vector<std::string>& faults) {
  torch::Tensor broken = at::zeros({size()}, at::kLong);
  auto* const flags = broken.mutable_data_ptr<std::int64_t>();
  for (std::size_t index = 0; index < faults.size(); ++index) flags[index] = faults[index].empty() ? 0 : 1;
  options_.share_broken(broken);
  for (std::int64_t item = 0; item < size(); ++item) {
    std::string& fault = faults[static_cast<std::size_t>(item)];
    if (flags[item] == 0 || !fault.empty()) continue;
    try {
      decode(item);
      fault = fmt::format("another process cannot read {}", quoted(folder_.paths[static_cast<std::size_t>(item)]));
    } catch (const Error& error) {
      fault = error.what();
    }
  }
}

void PhotoBatches::omit_broken(const std::vector<std::string>& faults) {
  PhotoFolder whole = folder_;
  whole.paths.clear();
  whole.labels.clear();
  std::vector<torch::Tensor> kept;
  for (std::size_t index = 0; index < faults.size(); ++index) {
    if (!faults[index].empty()) {
      broken_.push_back({folder_.paths[index], faults[index]});
      continue;
    }
    whole.paths.push_back(folder_.paths[index]);
    whole.labels.push_back(folder_.labels[index]);
    decoded_count_ += is_own(static_cast<std::int64_t>(index)) ? 1 : 0;
    cached_count_ += cache_[index].defined() ? 1 : 0;
    kept.push_back(std::move(cache_[index]));
  }
  folder_ = std::move(whole);
  cache_ = std::move(kept);
}

void PhotoBatches::keep(std::int64_t item, torch::Tensor photo) {
  const auto bytes = static_cast<std::int64_t>(photo.nbytes());
  if (kept_bytes_.fetch_add(bytes) + bytes <= options_.cache_bytes) {
    cache_[static_cast<std::size_t>(item)] = std::move(photo);
  } else {
    kept_bytes_.fetch_sub(bytes);
  }
}

torch::Tensor PhotoBatches::decode(std::int64_t item) const {
  const std::filesystem::path& path = folder_.paths[static_cast<std::size_t>(item)];
  if (!options_.augment) return prepare_file(path, preprocessing_, Invert::never, memory_);
  return with_picture(path, Colors::rgb, memory_, [](const torch::Tensor& photo) { return photo; });
}

torch::Tensor PhotoBatches::prepared(std::int64_t item) {
  torch::Tensor photo = cache_[static_cast<std::size_t>(item)];
  if (!photo.defined() && options_.parts > 1 && kept_bytes_ < options_.cache_bytes) {
    photo = decode(item);
    keep(item, photo);
  }
  if (!options_.augment) return photo.defined() ? photo : decode(item);
  const auto cropped = [&](const torch::Tensor& whole) { return apply(crop_of(item, whole), whole, preprocessing_); };
  if (photo.defined()) return cropped(photo);
  return with_picture(folder_.paths[static_cast<std::size_t>(item)], Colors::rgb, memory_, cropped);
}

Crop PhotoBatches::crop_of(std::int64_t item, const torch::Tensor& photo) const {
  if (!options_.augment) return {.height = photo.size(1), .width = photo.size(2)};
  return random_resized_crop(photo.size(1), photo.size(2), options_.seed, epoch_, item);
}

void PhotoBatches::start(const torch::Tensor& order, std::int64_t epoch) {
  order_ = order;
  epoch_ = epoch;
  crops_on_gpu_ = false;
  ready_ = {};
}

Batch PhotoBatches::get(std::int64_t begin, std::int64_t end) {
  if (Batch batch; options_.cuda != nullptr && prepare(end - begin, batch)) {
    if (!clock_.defined()) clock_ = at::zeros({2}, at::TensorOptions(options_.device).dtype(at::kLong));
    const c10::DeviceGuard guard(options_.device);  // kernels run on the current GPU
    clock_.select(0, 1).fill_(begin);               // the clock's step is a position, because the batch size is 1
    options_.cuda->crop(on_gpu_, clock_, 1, preprocessing_.mean, preprocessing_.std, batch.inputs, batch.targets);
    return batch;
  }
  if (begin < ready_.begin || end > ready_.end) prepare_from(begin, end);
  const auto rows = [&](const torch::Tensor& all) { return all.slice(0, begin - ready_.begin, end - ready_.begin); };
  return {normalize(rows(ready_.pixels), preprocessing_), rows(ready_.labels)};
}

void PhotoBatches::prepare_from(std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kPhotosAThread = 2;
  ready_ = {};  // frees its memory
  const std::int64_t batches = std::max<std::int64_t>(1, kPhotosAThread * at::get_num_threads() / (end - begin));
  end = std::min(begin + batches * (end - begin), order_.size(0));
  const torch::Tensor items = order_.slice(0, begin, end);
  const auto* numbers = items.const_data_ptr<std::int64_t>();
  std::vector<torch::Tensor> photos(static_cast<std::size_t>(end - begin));
  at::parallel_for(0, end - begin, 1, [&](std::int64_t first, std::int64_t last) {
    const c10::AutoGradMode no_grad(false);
    for (std::int64_t i = first; i < last; ++i) photos[static_cast<std::size_t>(i)] = prepared(numbers[i]);
  });
  ready_ = {begin, end, at::stack(photos).to(options_.device), labels_.index_select(0, items).to(options_.device)};
}

bool PhotoBatches::prepare(std::int64_t rows, Batch& batch) {
  if (cached_count_ != size() || gpu_is_full_) return false;
  try {
    if (!on_gpu_.pixels.defined()) put_photos_on_gpu();
  } catch (const c10::OutOfMemoryError&) {
    gpu_is_full_ = true;
    options_.note("the decoded photos do not fit into the GPU's memory: the CPU prepares them, which is slower");
    return false;
  }
  if (!crops_on_gpu_) put_crops_on_gpu();
  if (!batch.inputs.defined()) {
    batch.inputs = at::empty({rows, 3, preprocessing_.height, preprocessing_.width}, options_.device,
                             at::MemoryFormat::ChannelsLast);
    batch.targets = at::empty({rows}, at::TensorOptions(options_.device).dtype(at::kLong));
  }
  return true;
}

void PhotoBatches::gather(const CudaPlugin& cuda, const torch::Tensor& clock, std::int64_t batch_size, Batch& batch) {
  cuda.crop(on_gpu_, clock, batch_size, preprocessing_.mean, preprocessing_.std, batch.inputs, batch.targets);
}

void PhotoBatches::put_photos_on_gpu() {
  std::vector<std::int64_t> places;
  std::int64_t begin = 0;
  for (const torch::Tensor& photo : cache_) {
    places.insert(places.end(), {begin, photo.size(1), photo.size(2)});
    begin += photo.numel();
  }
  const torch::Tensor pixels = at::empty({begin}, at::TensorOptions(options_.device).dtype(at::kByte));
  begin = 0;
  for (const torch::Tensor& photo : cache_) {
    pixels.narrow(0, begin, photo.numel()).copy_(photo.flatten());
    begin += photo.numel();
  }
  on_gpu_.places = torch::tensor(places, torch::kInt64).view({-1, kCudaPlaceColumns}).to(options_.device);
  on_gpu_.labels = labels_.to(options_.device);
  on_gpu_.pixels = pixels;
}

void PhotoBatches::put_crops_on_gpu() {
  std::vector<std::int64_t> crops;
  for (std::int64_t position = 0; position < order_.size(0); ++position) {
    const std::int64_t item = order_.const_data_ptr<std::int64_t>()[position];
    const Crop crop = crop_of(item, cache_[static_cast<std::size_t>(item)]);
    crops.insert(crops.end(), {crop.top, crop.left, crop.height, crop.width, crop.flip ? 1 : 0});
  }
  copy_into_buffer(on_gpu_.order, order_, options_.device);
  copy_into_buffer(on_gpu_.crops, torch::tensor(crops, torch::kInt64).view({-1, kCudaCropColumns}), options_.device);
  crops_on_gpu_ = true;
}

}  // namespace mnist
