// How much of the machine other programs leave: to say that times were measured beside other work, and to wait
// politely.
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

  // How many of them (1.8 is one and most of another) no other process has used since the constructor or the last
  // call. Nothing if the system does not tell. Less than 50 ms apart the answer is coarse: Linux counts in 10 ms.
  std::optional<double> since_last();

 private:
  std::chrono::steady_clock::time_point time_;
  std::clock_t own_;            // processor time of this process
  std::optional<double> idle_;  // seconds, of all of them together
};

// The same for the next `span`.
std::optional<double> free_processors(std::chrono::milliseconds span);

// From the content of Linux's /proc/stat: the time that the processors which `counts` names have been idle or waiting
// for a disk since the start, together, in the system's ticks. Nothing where it has no line of any of them.
std::optional<double> idle_ticks(std::istream& stat, const std::function<bool(int processor)>& counts);

}  // namespace mnist
