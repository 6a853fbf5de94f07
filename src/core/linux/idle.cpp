#include "idle.hpp"

#include <fstream>
#include <sched.h>
#include <unistd.h>

#include "mnist/core/machine_load.hpp"

namespace mnist {

std::optional<double> idle_seconds() {
  cpu_set_t mask;
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return std::nullopt;
  std::ifstream stat("/proc/stat");
  const auto ticks =
      idle_ticks(stat, [&](int processor) { return processor < CPU_SETSIZE && CPU_ISSET(processor, &mask); });
  if (!ticks) return std::nullopt;
  return *ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace mnist
