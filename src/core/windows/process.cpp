#include "mnist/core/process.hpp"

// The second header needs the first one.
// clang-format off
#include <windows.h>
#include <psapi.h>
// clang-format on

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <thread>

namespace mnist {
namespace {

std::string utf8(const wchar_t* text) {
  const int size = ::WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
  if (size <= 1) return "";
  std::string bytes(static_cast<std::size_t>(size), '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, text, -1, bytes.data(), size, nullptr, nullptr);
  bytes.pop_back();  // the terminating zero
  return bytes;
}

DWORD_PTR affinity_mask() {
  DWORD_PTR own = 0;
  DWORD_PTR all = 0;
  return ::GetProcessAffinityMask(::GetCurrentProcess(), &own, &all) ? own : 0;
}

}  // namespace

// Windows has no limit of open sockets.
std::size_t allow_descriptors() {
  return std::numeric_limits<std::size_t>::max();
}

std::string host_name() {
  std::array<wchar_t, 256> name{};
  DWORD size = name.size();
  const bool known = ::GetComputerNameExW(ComputerNameDnsHostname, name.data(), &size) != 0;
  return known && size > 0 ? utf8(name.data()) : "unknown";
}

int process_id() {
  return static_cast<int>(::GetCurrentProcessId());
}

bool process_exists(int id) {
  const HANDLE process = ::OpenProcess(SYNCHRONIZE, FALSE, static_cast<DWORD>(id));
  if (process == nullptr) return ::GetLastError() == ERROR_ACCESS_DENIED;
  const bool runs = ::WaitForSingleObject(process, 0) == WAIT_TIMEOUT;
  ::CloseHandle(process);
  return runs;
}

void exit_without_current_folder() {}

int allowed_cores() {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const int allowed = std::popcount(affinity_mask());  // of one group of up to 64 processors
  return allowed == 0 ? cores : std::min(cores, allowed);
}

std::string allowed_processors() {
  const DWORD_PTR mask = affinity_mask();
  std::string numbers;
  for (int cpu = 0; cpu < std::numeric_limits<DWORD_PTR>::digits; ++cpu) {
    if ((mask >> cpu & 1) == 0) continue;
    if (!numbers.empty()) numbers += ' ';
    numbers += std::to_string(cpu);
  }
  return numbers;
}

std::string cpu_model() {
  std::array<wchar_t, 256> name{};
  DWORD size = sizeof name - sizeof name[0];
  const LSTATUS result = ::RegGetValueW(HKEY_LOCAL_MACHINE, L"HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0",
                                        L"ProcessorNameString", RRF_RT_REG_SZ, nullptr, name.data(), &size);
  return result == ERROR_SUCCESS && name[0] != L'\0' ? utf8(name.data()) : "unknown";
}

std::vector<std::string> cpu_features() {
  constexpr DWORD kAvx2 = 40;  // PF_AVX2_INSTRUCTIONS_AVAILABLE, which older headers do not define
  constexpr DWORD kAvx512f = 41;
  std::vector<std::string> found;
  if (::IsProcessorFeaturePresent(kAvx2)) found.emplace_back("avx2");
  if (::IsProcessorFeaturePresent(kAvx512f)) found.emplace_back("avx512f");
  return found;
}

// Windows does not report it.
bool has_fast_bf16() {
  return false;
}

std::size_t peak_memory_bytes() {
  PROCESS_MEMORY_COUNTERS counters{};
  return ::GetProcessMemoryInfo(::GetCurrentProcess(), &counters, sizeof counters) ? counters.PeakWorkingSetSize : 0;
}

std::filesystem::path executable_path() {
  std::array<wchar_t, 32768> path{};
  const DWORD size = ::GetModuleFileNameW(nullptr, path.data(), path.size());
  return size == 0 || size == path.size() ? std::filesystem::path() : std::filesystem::path(path.data());
}

}  // namespace mnist
