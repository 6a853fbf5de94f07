// Keeps OpenMP's threads from spinning while other programs need the same processors.
//
// Threads of a parallel region wait for the next one by spinning, which is fastest as long as each has a processor for
// itself. Otherwise the spinning thread takes the time of the one that it waits for: an epoch takes several times as
// long (docs/performance.md). libgomp spins a hundred times only as soon as a process has more OpenMP threads than
// processors (its manual, GOMP_SPINCOUNT). So this class adds threads, which sleep, while the processors are shared,
// and ends them afterwards. It changes no result: the threads that compute stay the same.
//
// Does nothing if OMP_WAIT_POLICY or GOMP_SPINCOUNT is set, if there is one thread only, and without libgomp.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace mnist {

// Whether `threads` that compute should rather sleep than spin: if other programs leave them fewer processors than that
// many (`free`). `sharing`: the answer before; near the limit it holds.
bool shares_processors(double free, int threads, bool sharing);

class SpinControl {
 public:
  // How many processors other programs have left since the last call; nothing if unknown.
  using Load = std::function<std::optional<double>()>;

  // Looks four times a second, in a thread of its own, until it is destroyed. `threads`: those that compute.
  explicit SpinControl(int threads);
  SpinControl(int threads, Load load);
  ~SpinControl();
  SpinControl(const SpinControl&) = delete;
  SpinControl& operator=(const SpinControl&) = delete;

 private:
  void watch();

  const int threads_;
  const Load load_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;  // under mutex_
  std::thread watcher_;
};

}  // namespace mnist
