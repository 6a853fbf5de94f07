#include "mnist/serve/batcher.hpp"

#include <algorithm>
#include <utility>

#include <ATen/ops/cat.h>

namespace mnist {

Batcher::Batcher(const BatchLimits& limits, Run run, std::function<void(std::size_t images)> ran)
    : limits_(limits), run_(std::move(run)), ran_(std::move(ran)), thread_([this] { work(); }) {}

Batcher::~Batcher() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool Batcher::submit(torch::Tensor pixels, Done done) {
  const auto images = static_cast<std::size_t>(pixels.size(0));
  {
    const std::lock_guard lock(mutex_);
    // A request of more images than may wait is taken if none waits.
    if (waiting_ > 0 && waiting_ + images > limits_.waiting) return false;
    items_.push_back({std::move(pixels), std::move(done), images});
    waiting_ += images;
  }
  changed_.notify_one();
  return true;
}

std::size_t Batcher::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

void Batcher::work() {
  for (;;) {
    std::vector<Item> batch = next_batch();
    if (batch.empty()) return;
    answer(batch);
  }
}

// Waits for images; none: the end.
std::vector<Batcher::Item> Batcher::next_batch() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ending_ || !items_.empty(); });
  if (limits_.delay.count() > 0) {
    changed_.wait_for(lock, limits_.delay, [&] { return ending_ || waiting_ >= limits_.images; });
  }
  std::vector<Item> batch;
  std::size_t images = 0;
  while (!items_.empty() && (batch.empty() || images + items_.front().images <= limits_.images)) {
    images += items_.front().images;
    batch.push_back(std::move(items_.front()));
    items_.pop_front();
  }
  waiting_ -= images;
  return batch;
}

void Batcher::answer(std::vector<Item>& batch) {
  try {
    std::vector<torch::Tensor> pixels;
    pixels.reserve(batch.size());
    for (const Item& item : batch) pixels.push_back(item.pixels);
    const torch::Tensor rows = rows_of(batch.size() == 1 ? pixels.front() : at::cat(pixels));
    std::int64_t first = 0;
    for (Item& item : batch) {
      const auto count = static_cast<std::int64_t>(item.images);
      item.done(rows.narrow(0, first, count), nullptr);
      first += count;
    }
  } catch (...) {
    for (const Item& item : batch) item.done({}, std::current_exception());
  }
}

torch::Tensor Batcher::rows_of(const torch::Tensor& pixels) {
  std::vector<torch::Tensor> rows;
  const auto limit = static_cast<std::int64_t>(limits_.images);
  for (std::int64_t first = 0; first < pixels.size(0); first += limit) {
    const std::int64_t count = std::min(limit, pixels.size(0) - first);
    rows.push_back(run_(pixels.narrow(0, first, count)));
    ran_(static_cast<std::size_t>(count));
  }
  return rows.size() == 1 ? rows.front() : at::cat(rows);
}

}  // namespace mnist
