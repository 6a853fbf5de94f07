#include "mnist/core/background.hpp"

#include <algorithm>
#include <utility>

namespace mnist {

Background::Background(bool threaded) : threaded_(threaded) {
  if (threaded_) thread_ = std::thread([this] { run(); });
}

Background::~Background() {
  if (!threaded_) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Background::post(const std::string& name, std::function<void()> job) {
  if (!threaded_) return job();
  std::unique_lock lock(mutex_);
  const auto same = std::ranges::find(waiting_, name, &Job::name);
  if (same != waiting_.end()) {
    same->work = std::move(job);
  } else {
    waiting_.push_back({name, std::move(job)});
  }
  changed_.notify_all();
  rethrow_failure(lock);
}

void Background::finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && !busy_; });
  rethrow_failure(lock);
}

void Background::rethrow_failure(std::unique_lock<std::mutex>& lock) {
  const std::exception_ptr failure = std::exchange(failure_, nullptr);
  lock.unlock();
  if (failure) std::rethrow_exception(failure);
}

void Background::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !waiting_.empty() || stopping_; });
    if (waiting_.empty()) return;
    std::function<void()> work = std::move(waiting_.front().work);
    waiting_.erase(waiting_.begin());
    busy_ = true;
    lock.unlock();
    std::exception_ptr failure;
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
    work = nullptr;  // release what the job holds before reporting that it is done
    lock.lock();
    busy_ = false;
    if (!failure_) failure_ = failure;
    changed_.notify_all();
  }
}

}  // namespace mnist
