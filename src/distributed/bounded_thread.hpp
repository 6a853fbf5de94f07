// A thread for calls that may never return, so that only this thread can block forever. c10d's store has no timeout for
// a request, and the process that serves it may be stopped.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>

namespace mnist {

class BoundedThread {
 public:
  BoundedThread() : thread_([state = state_] { run(*state); }) {}
  // Detaches a thread that is still blocked.
  ~BoundedThread() {
    bool done = false;
    {
      std::unique_lock lock(state_->mutex);
      state_->stop = true;
      state_->wake.notify_all();
      constexpr std::chrono::seconds kPatience(1);
      done = !timed_out_ && state_->end.wait_for(lock, kPatience, [this] { return state_->done; });
    }
    if (done) {
      thread_.join();
    } else {
      thread_.detach();
    }
  }
  BoundedThread(const BoundedThread&) = delete;
  BoundedThread& operator=(const BoundedThread&) = delete;

  // Runs `work` in the thread, returns its result and throws its exception. Throws a `std::runtime_error` if it takes
  // longer than `patience`. `work` may outlive the call, so it must own its data.
  template <class Work>
  auto call(Work work, std::chrono::milliseconds patience) {
    using Result = std::invoke_result_t<Work>;
    if (timed_out_) throw std::runtime_error("it did not answer before");
    auto task = std::make_shared<std::packaged_task<Result()>>(std::move(work));
    std::future<Result> result = task->get_future();
    {
      const std::lock_guard lock(state_->mutex);
      state_->jobs.emplace_back([task] { (*task)(); });
    }
    state_->wake.notify_all();
    if (result.wait_for(patience) != std::future_status::ready) {
      timed_out_ = true;
      throw std::runtime_error("it does not answer");
    }
    return result.get();
  }

  // Runs from now on after each `interval` without a job, until it returns false.
  void repeat(std::function<bool()> work, std::chrono::milliseconds interval) {
    const std::lock_guard lock(state_->mutex);
    state_->repeated = std::move(work);
    state_->interval = interval;
    state_->wake.notify_all();
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    std::condition_variable end;
    std::deque<std::function<void()>> jobs;
    std::function<bool()> repeated;
    std::chrono::milliseconds interval = std::chrono::hours(1);
    bool stop = false;
    bool done = false;
  };

  static void run(State& state) {
    auto next = std::chrono::steady_clock::now();
    std::unique_lock lock(state.mutex);
    while (!state.stop) {
      if (!state.jobs.empty()) {
        const auto job = std::move(state.jobs.front());
        state.jobs.pop_front();
        lock.unlock();
        job();
        lock.lock();
      } else if (state.repeated && std::chrono::steady_clock::now() >= next) {
        const auto repeated = state.repeated;
        next = std::chrono::steady_clock::now() + state.interval;
        lock.unlock();
        const bool again = repeated();
        lock.lock();
        if (!again) state.repeated = nullptr;
      } else {
        const auto until = state.repeated ? next : std::chrono::steady_clock::now() + state.interval;
        state.wake.wait_until(lock, until);
      }
    }
    state.done = true;
    state.end.notify_all();
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
  bool timed_out_ = false;
  std::thread thread_;
};

}  // namespace mnist
