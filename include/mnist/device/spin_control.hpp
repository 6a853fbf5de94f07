// Prevents OpenMP threads from spinning while other programs use the same processors.
//
// Between parallel regions, OpenMP threads wait by spinning. This is fastest if each thread has its own processor.
// Otherwise a spinning thread takes CPU time from the thread that it waits for, and an epoch can take several times as
// long (docs/performance.md). libgomp spins only a hundred times if a process has more OpenMP threads than processors
// (see GOMP_SPINCOUNT in its manual). So this class adds sleeping threads while other programs use the processors, and
// ends them afterwards. Results do not change, because the computing threads stay the same.
//
// Does nothing if OMP_WAIT_POLICY or GOMP_SPINCOUNT is set, if there is only one thread, if that would take more
// than 64 threads, or without libgomp. If the system refuses a thread, it gives up.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace mnist {

// Whether `threads` computing threads should sleep instead of spinning: if other programs leave fewer than `threads`
// processors free. `free`: free processors; `sharing`: the previous answer, which is kept near the limit.
bool shares_processors(double free, int threads, bool sharing);

class SpinControl {
 public:
  // Returns how many processors other programs left free since the last call; nothing if unknown.
  using Load = std::function<std::optional<double>()>;

  // Checks the load four times per second, on a separate thread. `threads`: number of computing threads.
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
