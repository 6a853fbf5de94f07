// The machine and process around the program. With `files.hpp` and `terminal.hpp` it is what a port to Windows has to
// change; macOS lacks some of the answers.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mnist {

// Name of this machine, "unknown" where it has none.
std::string host_name();

// Processors this process may use: the smallest of the affinity mask, the cgroup's quota (rounded up) and the machine's
// count; at least 1.
int allowed_cores();

// The processor's name, as the system reports it; "unknown" otherwise.
std::string cpu_model();

// Those of avx2, avx512f, avx512_bf16, amx_bf16, ... that matter for speed here and that the processor has.
std::vector<std::string> cpu_features();

// Largest resident size of this process so far, bytes; 0 where the system does not tell.
std::size_t peak_memory_bytes();

// The running executable's own path; empty where the system does not tell.
std::filesystem::path executable_path();

// The time now as ISO 8601 in UTC: "2026-11-21T10:25:03Z".
std::string utc_time();

}  // namespace mnist
