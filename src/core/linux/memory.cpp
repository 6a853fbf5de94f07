#include "mnist/core/memory.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include "cgroups.hpp"

namespace mnist {
namespace {

// The number after `key` in a file of lines "key number ..."; nothing if there is none ("max").
std::optional<std::uint64_t> number_behind(const std::filesystem::path& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    std::uint64_t number = 0;
    if (word == key && file >> number) return number;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> whole_number_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

// The memory that a group leaves: limit minus usage, where inactive file pages count as free because the system can
// reclaim them.
std::optional<std::uint64_t> left_by(const std::filesystem::path& group, const char* limit_file, const char* usage_file,
                                     const char* reclaimable) {
  const auto limit = whole_number_in(group / limit_file);
  const auto usage = whole_number_in(group / usage_file);
  if (!limit || !usage) return std::nullopt;
  const std::uint64_t files = number_behind(group / "memory.stat", reclaimable).value_or(0);
  const std::uint64_t used = *usage - std::min(*usage, files);
  return *limit - std::min(*limit, used);
}

// Bytes of data that this process already has, as RLIMIT_DATA counts them.
std::optional<std::uint64_t> data_size() {
  constexpr std::uint64_t kKilo = 1024;
  const auto kilobytes = number_behind("/proc/self/status", "VmData:");
  if (!kilobytes) return std::nullopt;
  return *kilobytes * kKilo;
}

}  // namespace

std::optional<std::uint64_t> available_memory() {
  constexpr std::uint64_t kKilo = 1024;
  std::optional<std::uint64_t> least = number_behind("/proc/meminfo", "MemAvailable:");
  if (least) *least *= kKilo;
  const auto bound = [&](const std::optional<std::uint64_t>& left) {
    if (left) least = std::min(*left, least.value_or(*left));
  };
  for (const std::filesystem::path& group : own_cgroups()) {
    bound(left_by(group, "memory.max", "memory.current", "inactive_file"));
  }
  // cgroups version 1, as a container sees its own group.
  bound(left_by("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"));
  return least;
}

std::optional<std::uint64_t> resident_memory() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  if (!(file >> size >> resident)) return std::nullopt;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

MemoryBound::MemoryBound() {
  const auto available = available_memory();
  const auto size = data_size();
  rlimit limit{};
  if (!available || !size || ::getrlimit(RLIMIT_DATA, &limit) != 0) return;
  const rlim_t most = *size + *available / 10 * 9;
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= most) return;
  before_ = limit.rlim_cur;
  limit.rlim_cur = most;
  if (::setrlimit(RLIMIT_DATA, &limit) != 0) before_.reset();
}

MemoryBound::~MemoryBound() {
  rlimit limit{};
  if (!before_ || ::getrlimit(RLIMIT_DATA, &limit) != 0) return;
  limit.rlim_cur = *before_;
  ::setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace mnist
