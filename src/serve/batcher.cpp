#include "mnist/serve/batcher.hpp"

#include <algorithm>
#include <utility>

#include <ATen/ops/cat.h>

namespace mnist {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t as_index(std::size_t number) {
  return static_cast<std::int64_t>(number);
}

}  // namespace

struct Batcher::Request {
  torch::Tensor pixels;
  Done done;  // empty: it is answered
  Clock::time_point arrival = Clock::now();
  std::size_t taken = 0;                 // images that are in a batch or were; under the batcher's mutex
  std::vector<torch::Tensor> rows = {};  // of finished batches
  torch::Tensor answer = {};             // all rows, if they are complete

  std::size_t images() const { return static_cast<std::size_t>(pixels.size(0)); }

  void finish() {
    if (answer.defined() && done) std::exchange(done, {})(answer, nullptr);
  }
  // Rows that still wait are computed for nothing, which is rare.
  void fail(const std::exception_ptr& error) {
    if (done) std::exchange(done, {})({}, error);
  }
};

struct Batcher::Part {
  std::shared_ptr<Request> request;
  std::size_t first;
  std::size_t count;
};

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
    requests_.push_back(std::make_shared<Request>(Request{std::move(pixels), std::move(done)}));
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
    const std::vector<Part> batch = next_batch();
    if (batch.empty()) return;
    answer(batch);
  }
}

// Waits for images; none: the end. The rest of a large request goes to the end of the queue, so that it does not hold
// up others.
std::vector<Batcher::Part> Batcher::next_batch() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ending_ || !requests_.empty(); });
  // A single client that waits for each answer must not wait longer.
  if (limits_.delay.count() > 0 && last_ > 1 && !requests_.empty()) {
    const auto end = requests_.front()->arrival + std::chrono::duration_cast<Clock::duration>(limits_.delay);
    changed_.wait_until(lock, end, [&] { return ending_ || waiting_ >= limits_.images; });
  }
  std::vector<Part> batch;
  std::size_t images = 0;
  while (!requests_.empty() && images < limits_.images) {
    const std::shared_ptr<Request> request = std::move(requests_.front());
    requests_.pop_front();
    const std::size_t rest = request->images() - request->taken;
    const std::size_t count = std::min(rest, limits_.images - images);
    batch.push_back({request, request->taken, count});
    request->taken += count;
    images += count;
    if (count < rest) requests_.push_back(request);
  }
  waiting_ -= images;
  last_ = images;
  return batch;
}

void Batcher::answer(const std::vector<Part>& batch) {
  try {
    std::vector<torch::Tensor> pixels;
    std::size_t images = 0;
    for (const Part& part : batch) {
      pixels.push_back(part.request->pixels.narrow(0, as_index(part.first), as_index(part.count)));
      images += part.count;
    }
    const torch::Tensor rows = run_(pixels.size() == 1 ? pixels.front() : at::cat(pixels));
    ran_(images);
    // Nothing below is called before all that can throw.
    std::int64_t first = 0;
    for (const Part& part : batch) {
      Request& request = *part.request;
      request.rows.push_back(rows.narrow(0, first, as_index(part.count)));
      first += as_index(part.count);
      if (part.first + part.count == request.images()) request.answer = at::cat(request.rows);
    }
  } catch (...) {
    for (const Part& part : batch) part.request->fail(std::current_exception());
    return;
  }
  for (const Part& part : batch) part.request->finish();
}

}  // namespace mnist
