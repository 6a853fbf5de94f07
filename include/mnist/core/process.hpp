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

// The processors of the affinity mask, in the system's numbers: "0 1 4"; empty where the system does not tell.
std::string allowed_processors();

// The processor's name, as the system reports it; "unknown" otherwise.
std::string cpu_model();

// Those of avx2, avx512f, avx512_bf16, amx_bf16, ... that matter for speed here and that the processor has.
std::vector<std::string> cpu_features();

// Whether the processor multiplies bf16 faster than fp32: with AMX, or with AMD's AVX512-BF16. Intel's AVX512-BF16 does
// 16 products in the time of fp32's 32 (measured on a Sapphire Rapids without AMX: 43 against 88 thousand million a
// second).
bool has_fast_bf16();

// Largest resident size of this process so far, bytes; 0 where the system does not tell.
std::size_t peak_memory_bytes();

// The running executable's own path; empty where the system does not tell.
std::filesystem::path executable_path();

// The time now as ISO 8601 in UTC: "2026-11-21T10:25:03Z".
std::string utc_time();

}  // namespace mnist
