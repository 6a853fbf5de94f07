// Facts about the machine and this process. One source file a system: src/core/linux, macos, windows, and posix for
// what Linux and macOS share. What a system does not report is unknown there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mnist {

// Host name of this machine; "unknown" if it has none.
std::string host_name();

// Number of this process.
int process_id();

// Whether there is such a process on this machine, of any user. A number may have been given to another process since.
bool process_exists(int id);

// Ends the process with a message if its current folder was removed: oneMKL, which LibTorch contains, ends the process
// with a text of its own and exit code 2 when it is loaded in such a folder. May be called before the constructors of
// libraries. Does nothing on Windows, where a current folder cannot be removed.
void exit_without_current_folder();

// Number of processors that this process may use: the minimum of the affinity mask, the cgroup quota (rounded up) and
// the processors of the machine; at least 1.
int allowed_cores();

// Lets this process open as many files and sockets as the system allows, and returns how many; the maximum value if
// there is no limit.
std::size_t allow_descriptors();

// The processor numbers in the affinity mask: "0 1 4"; empty if the system does not report them.
std::string allowed_processors();

// The processor's model name; "unknown" if the system does not report it.
std::string cpu_model();

// The instruction sets of this processor that affect this program's speed: avx2, avx512f, avx512_bf16, amx_bf16, ...
std::vector<std::string> cpu_features();

// Whether the processor multiplies bf16 faster than fp32: with AMX, or with AMD's AVX512-BF16. Intel's AVX512-BF16 is
// slower: 16 products in the time of 32 fp32 products (measured on a Sapphire Rapids without AMX: 43e9 against 88e9
// products per second).
bool has_fast_bf16();

// Peak resident set size of this process in bytes; 0 if the system does not report it.
std::size_t peak_memory_bytes();

// Path of the running executable; empty if the system does not report it.
std::filesystem::path executable_path();

// The time so many seconds ago in UTC, as ISO 8601: "2026-11-21T10:25:03Z".
std::string utc_time(double seconds_ago = 0);

}  // namespace mnist
