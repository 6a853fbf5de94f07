// Threads that take work in order. For work that the thread of the HTTP server must not wait for.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mnist {

class Workers {
 public:
  // `most`: pieces of work that may wait.
  Workers(std::size_t threads, std::size_t most);
  // Does all work first.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // `work` must not throw. Returns false if too much waits; then it is not called.
  [[nodiscard]] bool add(std::function<void()> work);

 private:
  void run();

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;  // under mutex_
  bool ending_ = false;                        // under mutex_
  std::vector<std::thread> threads_;
};

}  // namespace mnist
