#include "mnist/core/process.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <sched.h>
#include <sstream>
#include <sys/resource.h>
#include <thread>

#include <fmt/format.h>

#include "cgroups.hpp"

namespace mnist {
namespace {

// The value of the first line of /proc/cpuinfo that begins with `key`.
std::string cpuinfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t colon = line.find(':');
    if (colon != std::string::npos) return line.substr(std::min(colon + 2, line.size()));
  }
  return "";
}

std::optional<double> number_in(const std::string& path) {
  std::ifstream file(path);
  double number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

// Quota divided by period of a version 2 cgroup, from "200000 100000" or "max 100000".
std::optional<double> quota_in(const std::filesystem::path& cgroup) {
  std::ifstream file(cgroup / "cpu.max");
  double quota = 0;
  double period = 0;
  if (file >> quota >> period && period > 0) return quota / period;
  return std::nullopt;
}

// The CPU time limit of this process's cgroups, in processors; nothing if there is no limit.
std::optional<double> cgroup_quota() {
  std::optional<double> least;
  for (const std::filesystem::path& group : own_cgroups()) {
    if (const auto quota = quota_in(group)) least = std::min(*quota, least.value_or(*quota));
  }
  const auto quota = number_in("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");  // version 1
  const auto period = number_in("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota && period && *quota > 0 && *period > 0) return *quota / *period;
  return least;
}

}  // namespace

int allowed_cores() {
  int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  cpu_set_t mask;
  if (::sched_getaffinity(0, sizeof mask, &mask) == 0) cores = std::min(cores, CPU_COUNT(&mask));
  if (const auto quota = cgroup_quota()) cores = std::min(cores, static_cast<int>(std::ceil(*quota)));
  return std::max(1, cores);
}

std::string allowed_processors() {
  std::string numbers;
  cpu_set_t mask;
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return numbers;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    if (!numbers.empty()) numbers += ' ';
    numbers += std::to_string(cpu);
  }
  return numbers;
}

// ARM's processors have numbers there instead of a name.
std::string cpu_model() {
  if (std::string name = cpuinfo("model name"); !name.empty()) return name;
  const std::string implementer = cpuinfo("CPU implementer");
  if (implementer.empty()) return "unknown";
  return fmt::format("ARM (implementer {}, part {})", implementer, cpuinfo("CPU part"));
}

std::vector<std::string> cpu_features() {
  std::istringstream flags(cpuinfo("flags") + cpuinfo("Features"));  // the second one on ARM
  static const std::vector<std::string> known = {"avx2",        "fma",      "avx512f",  "avx512_bf16",
                                                 "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8",
                                                 "asimd",       "sve",      "bf16",     "i8mm"};
  std::vector<std::string> found;
  for (std::string flag; flags >> flag;) {
    if (std::ranges::find(known, flag) != known.end()) found.push_back(flag);
  }
  return found;
}

bool has_fast_bf16() {
  const std::vector<std::string> features = cpu_features();
  const auto has = [&](const char* feature) { return std::ranges::find(features, feature) != features.end(); };
  return has("amx_bf16") || (has("avx512_bf16") && cpuinfo("vendor_id") == "AuthenticAMD");
}

std::size_t peak_memory_bytes() {
  constexpr std::size_t kKilo = 1024;
  rusage usage{};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<std::size_t>(usage.ru_maxrss) * kKilo : 0;
}

std::filesystem::path executable_path() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error);
}

}  // namespace mnist
