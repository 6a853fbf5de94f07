#include "mnist/core/memory.hpp"

// The second header needs the first one.
// clang-format off
#include <windows.h>
#include <psapi.h>
// clang-format on

namespace mnist {

std::optional<std::uint64_t> available_memory() {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  if (!::GlobalMemoryStatusEx(&status)) return std::nullopt;
  return status.ullAvailPhys;
}

std::optional<std::uint64_t> resident_memory() {
  PROCESS_MEMORY_COUNTERS counters{};
  if (!::GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters)) return std::nullopt;
  return counters.WorkingSetSize;
}

// Windows grants no more memory than it has: an allocation fails by itself.
MemoryBound::MemoryBound() = default;
MemoryBound::~MemoryBound() = default;

}  // namespace mnist
