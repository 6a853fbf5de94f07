#include "mnist/device/spin_control.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "mnist/core/machine_load.hpp"

#if defined(_OPENMP) && !defined(__clang__)
#define MNIST_HAS_LIBGOMP
#include <omp.h>
#endif

namespace mnist {
namespace {

// Additional threads, besides `threads` computing ones, for more OpenMP threads than processors; 0 without libgomp, and
// if there would be too many.
int excess_threads(int threads) {
#if defined(MNIST_HAS_LIBGOMP)
  constexpr int kMost = 64;
  const int excess = std::max(1, omp_get_num_procs() - threads + 1);
  return excess <= kMost ? excess : 0;
#else
  static_cast<void>(threads);
  return 0;
#endif
}

// libgomp ends the process if the system refuses a thread. So this tries first, and throws a `std::system_error`.
void check_threads(int count) {
  std::vector<std::thread> threads;
  std::promise<void> tried;
  const std::shared_future<void> done = tried.get_future().share();
  std::exception_ptr failure;
  try {
    for (int i = 0; i < count; ++i) threads.emplace_back([done] { done.wait(); });
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  tried.set_value();
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

// Keeps the additional libgomp threads while it exists.
class ExtraThreads {
 public:
  // Throws a `std::system_error` if the system gives no more threads.
  explicit ExtraThreads(int count) {
    check_threads(count + 1);
    owner_ = std::thread([this, count] { hold(count); });
  }

  ~ExtraThreads() {
    end_.set_value();
    owner_.join();  // libgomp then ends its threads
  }

  ExtraThreads(const ExtraThreads&) = delete;
  ExtraThreads& operator=(const ExtraThreads&) = delete;

 private:
  void hold(int count) {
#if defined(MNIST_HAS_LIBGOMP)
    std::atomic<int> started = 0;  // the compiler removes a region without content
#pragma omp parallel num_threads(count + 1)
    started.fetch_add(1, std::memory_order_relaxed);
#else
    static_cast<void>(count);
#endif
    end_.get_future().wait();
  }

  std::promise<void> end_;
  std::thread owner_;
};

bool user_decides() {
  return std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr;
}

}  // namespace

bool shares_processors(double free, int threads, bool sharing) {
  constexpr double kShared = 0.25;  // processors
  constexpr double kAlone = 0.1;
  return static_cast<double>(threads) - free > (sharing ? kAlone : kShared);
}

SpinControl::SpinControl(int threads)
    : SpinControl(threads, [processors = std::make_shared<FreeProcessors>()] { return processors->since_last(); }) {}

SpinControl::SpinControl(int threads, Load load) : threads_(threads), load_(std::move(load)) {
  if (threads > 1 && excess_threads(threads) > 0 && !user_decides()) watcher_ = std::thread([this] { watch(); });
}

SpinControl::~SpinControl() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  ended_.notify_one();
  if (watcher_.joinable()) watcher_.join();
}

void SpinControl::watch() {
  constexpr std::chrono::milliseconds kInterval(250);
  const int excess = excess_threads(threads_);
  std::optional<ExtraThreads> extra;
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, kInterval, [this] { return ending_; })) {
    try {
      const std::optional<double> free = load_();
      const bool sharing = free && shares_processors(*free, threads_, extra.has_value());
      if (sharing && !extra) extra.emplace(excess);
      if (!sharing) extra.reset();
    } catch (const std::exception&) {
      return;  // too little memory, or too many threads: to spin is slower, but goes on
    }
  }
}

}  // namespace mnist
