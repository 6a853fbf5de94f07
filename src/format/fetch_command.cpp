#include "mnist/format/fetch_command.hpp"

#include <filesystem>
#include <system_error>

#include "mnist/core/files.hpp"
#include "mnist/core/process.hpp"

namespace mnist {

namespace {

// Windows has no bash; CMake runs what the script calls.
#if defined(_WIN32)
constexpr const char* kScript = "fetch_data.cmake";
constexpr const char* kRunner = "cmake -P ";
constexpr const char* kSeparator = " -- ";
#else
constexpr const char* kScript = "fetch_data";
constexpr const char* kRunner = "";
constexpr const char* kSeparator = " ";
#endif

}  // namespace

std::string fetch_command(std::string_view what) {
  std::error_code ignored;
  const std::filesystem::path prefix = executable_path().parent_path().parent_path();
  const std::filesystem::path installed = prefix / "share" / "mnist" / kScript;
  std::string script = std::string("scripts/") + kScript;
  if (!prefix.empty() && std::filesystem::is_regular_file(installed, ignored)) {
    const std::string path = installed.string();
    script = path.find_first_of(" \t$&;()") == std::string::npos ? path : quoted(installed);
  }
  std::string command = kRunner + script;
  if (!what.empty()) command.append(kSeparator).append(what);
  return command;
}

}  // namespace mnist
