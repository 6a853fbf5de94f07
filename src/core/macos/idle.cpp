#include "idle.hpp"

#include <mach/mach.h>
#include <unistd.h>

namespace mnist {

// Of all processors: a process may use each.
std::optional<double> idle_seconds() {
  host_cpu_load_info_data_t load{};
  mach_msg_type_number_t count = HOST_CPU_LOAD_INFO_COUNT;
  static const host_t host = ::mach_host_self();  // each call would take a reference
  if (::host_statistics(host, HOST_CPU_LOAD_INFO, reinterpret_cast<host_info_t>(&load), &count) != KERN_SUCCESS) {
    return std::nullopt;
  }
  return static_cast<double>(load.cpu_ticks[CPU_STATE_IDLE]) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace mnist
