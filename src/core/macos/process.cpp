#include "mnist/core/process.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <mach-o/dyld.h>
#include <sys/resource.h>
#include <sys/sysctl.h>
#include <thread>

namespace mnist {
namespace {

// A text of the kernel's table; empty if it has none of that name.
std::string text_of(const char* name) {
  std::array<char, 256> value{};
  std::size_t size = value.size() - 1;
  return ::sysctlbyname(name, value.data(), &size, nullptr, 0) == 0 ? value.data() : "";
}

bool is_set(const char* name) {
  int value = 0;
  std::size_t size = sizeof value;
  return ::sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}

}  // namespace

int allowed_cores() {
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// macOS binds no process to processors.
std::string allowed_processors() {
  return "";
}

std::string cpu_model() {
  const std::string name = text_of("machdep.cpu.brand_string");
  return name.empty() ? "unknown" : name;
}

std::vector<std::string> cpu_features() {
  constexpr std::array<std::array<const char*, 2>, 6> kKnown = {{
      {"hw.optional.avx2_0", "avx2"},
      {"hw.optional.fma", "fma"},
      {"hw.optional.avx512f", "avx512f"},
      {"hw.optional.AdvSIMD", "asimd"},
      {"hw.optional.arm.FEAT_BF16", "bf16"},
      {"hw.optional.arm.FEAT_I8MM", "i8mm"},
  }};
  std::vector<std::string> found;
  for (const auto& [key, name] : kKnown) {
    if (is_set(key)) found.emplace_back(name);
  }
  return found;
}

// Not measured on a Mac.
bool has_fast_bf16() {
  return false;
}

std::size_t peak_memory_bytes() {
  rusage usage{};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<std::size_t>(usage.ru_maxrss) : 0;  // bytes here
}

std::filesystem::path executable_path() {
  std::array<char, 4096> path{};
  std::uint32_t size = path.size();
  if (::_NSGetExecutablePath(path.data(), &size) != 0) return {};
  std::error_code error;
  return std::filesystem::canonical(path.data(), error);
}

}  // namespace mnist
