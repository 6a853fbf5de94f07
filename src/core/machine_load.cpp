#include "mnist/core/machine_load.hpp"

#include <charconv>
#include <ctime>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>

namespace mnist {
namespace {

#if defined(__linux__)

// Of the processors of the affinity mask.
std::optional<double> idle_seconds() {
  cpu_set_t mask;
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return std::nullopt;
  std::ifstream stat("/proc/stat");
  const auto ticks =
      idle_ticks(stat, [&](int processor) { return processor < CPU_SETSIZE && CPU_ISSET(processor, &mask); });
  if (!ticks) return std::nullopt;
  return *ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

#endif

}  // namespace

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

std::optional<double> free_processors(std::chrono::milliseconds span) {
#if defined(__linux__)
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const std::clock_t own = std::clock();
  const auto idle = idle_seconds();
  std::this_thread::sleep_for(span);
  const auto idle_then = idle_seconds();
  if (!idle || !idle_then) return std::nullopt;
  const double used = static_cast<double>(std::clock() - own) / CLOCKS_PER_SEC;
  return (*idle_then - *idle + used) / std::chrono::duration<double>(Clock::now() - begin).count();
#else
  static_cast<void>(span);
  return std::nullopt;
#endif
}

}  // namespace mnist
