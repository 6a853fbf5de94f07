// Runs a network for the images of many requests together: a network computes 32 images in far less than 32 times the
// time of one. While it runs, further images wait, and become the next batch.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <torch/types.h>

namespace mnist {

struct BatchLimits {
  std::size_t images = 32;                 // per run of the network
  std::chrono::duration<double> delay{0};  // how long an image waits for further ones, if they come
                                           // together: the last batch had several
  std::size_t waiting = 512;               // images that may wait
};

class Batcher {
 public:
  // pixels: uint8 [N, C, H, W]. Returns [N, classes].
  using Run = std::function<torch::Tensor(const torch::Tensor& pixels)>;
  // Gets the rows of one request, or why there are none. Must not throw, and must not destroy the batcher.
  using Done = std::function<void(const torch::Tensor& rows, const std::exception_ptr& error)>;

  // Calls `run`, `done` and `ran` (with the images of each run) in a thread of its own.
  Batcher(const BatchLimits& limits, Run run, std::function<void(std::size_t images)> ran);
  // Answers everything first.
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // pixels: uint8 [N, C, H, W], N at least 1; more than a batch are run in several, between those of other requests.
  // Returns false if too many images wait; then `done` is not called.
  [[nodiscard]] bool submit(torch::Tensor pixels, Done done);

  // Images that wait.
  std::size_t waiting() const;

 private:
  struct Request;
  struct Part;

  void work();
  std::vector<Part> next_batch();
  void answer(const std::vector<Part>& batch);

  const BatchLimits limits_;
  const Run run_;
  const std::function<void(std::size_t)> ran_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Request>> requests_;  // with rows that wait; under mutex_
  std::size_t waiting_ = 0;                        // under mutex_
  std::size_t last_ = 0;                           // images of the last batch; of the batcher's thread
  bool ending_ = false;                            // under mutex_
  std::thread thread_;                             // the last member: it uses the others
};

}  // namespace mnist
