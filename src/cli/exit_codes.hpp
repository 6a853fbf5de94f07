// What the exit codes of the program mean, for the help and the manual page. The codes themselves: `core/error.hpp`,
// `core/signals.hpp`.
#pragma once

#include <array>
#include <string>

namespace mnist::cli {

struct ExitCode {
  const char* code;  // one or more: "130, 143 and 129"
  const char* meaning;
};

inline constexpr std::array<ExitCode, 9> kExitCodes = {{
    {"0", "done"},
    {"1", "internal error"},
    {"2", "usage or config"},
    {"3", "data or file"},
    {"4", "device not available"},
    {"5", "training diverged"},
    {"75", "another process of the run was lost"},
    {"85", "stopped by SIGUSR1 for a restart"},
    {"130, 143 and 129", "stopped by SIGINT, SIGTERM and SIGHUP"},
}};

// "Exit codes: 0 done, 1 internal error, ...", in lines of a help text.
std::string exit_code_text();

}  // namespace mnist::cli
