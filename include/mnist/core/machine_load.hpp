// How much of the CPU other programs leave free: to warn that times were measured on a busy machine, and to yield to
// other programs.
#pragma once

#include <chrono>
#include <ctime>
#include <functional>
#include <istream>
#include <optional>

namespace mnist {

// Watches the processors that this process may use.
class FreeProcessors {
 public:
  FreeProcessors();

  // Returns how many of the processors other processes left free since the constructor or the last call; 1.8 means one
  // processor and most of another. CPU time of this process itself counts as free. Returns nothing if the system does
  // not report it. Intervals below 50 ms are imprecise, because Linux counts in units of 10 ms.
  std::optional<double> since_last();

 private:
  std::chrono::steady_clock::time_point time_;
  std::clock_t own_;            // CPU time of this process
  std::optional<double> idle_;  // seconds, sum over all processors
};

// The same for the next `span`.
std::optional<double> free_processors(std::chrono::milliseconds span);

// Reads the content of Linux's /proc/stat. Returns the sum of idle and I/O wait time since boot, in clock ticks, over
// the processors for which `counts` returns true. Returns nothing if there is no line for any of them.
std::optional<double> idle_ticks(std::istream& stat, const std::function<bool(int processor)>& counts);

}  // namespace mnist
