#include "mnist/core/machine_load.hpp"

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include "idle.hpp"

namespace mnist {

std::optional<double> idle_ticks(std::istream& stat, const std::function<bool(int processor)>& counts) {
  std::optional<double> sum;
  for (std::string line; std::getline(stat, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    int processor = 0;
    const char* const end = name.data() + name.size();
    // "cpu" alone is the sum of all.
    if (!name.starts_with("cpu") || std::from_chars(name.data() + 3, end, processor).ptr != end || name.size() == 3 ||
        !counts(processor)) {
      continue;
    }
    double user = 0;
    double nice = 0;
    double system = 0;
    double idle = 0;
    double waiting = 0;
    if (words >> user >> nice >> system >> idle >> waiting) sum = sum.value_or(0) + idle + waiting;
  }
  return sum;
}

FreeProcessors::FreeProcessors() : time_(std::chrono::steady_clock::now()), own_(std::clock()), idle_(idle_seconds()) {}

std::optional<double> FreeProcessors::since_last() {
  const FreeProcessors before = std::exchange(*this, FreeProcessors());
  if (!before.idle_ || !idle_) return std::nullopt;
  const double own = static_cast<double>(own_ - before.own_) / CLOCKS_PER_SEC;
  return (*idle_ - *before.idle_ + own) / std::chrono::duration<double>(time_ - before.time_).count();
}

std::optional<double> free_processors(std::chrono::milliseconds span) {
  FreeProcessors processors;
  std::this_thread::sleep_for(span);
  return processors.since_last();
}

}  // namespace mnist
