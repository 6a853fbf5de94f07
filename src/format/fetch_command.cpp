#include "mnist/format/fetch_command.hpp"

#include <filesystem>
#include <system_error>

#include "mnist/core/files.hpp"
#include "mnist/core/process.hpp"

namespace mnist {

std::string fetch_command(std::string_view what) {
  std::error_code ignored;
  const std::filesystem::path prefix = executable_path().parent_path().parent_path();
  const std::filesystem::path installed = prefix / "share" / "mnist" / "fetch_data";
  std::string command = "scripts/fetch_data";
  if (!prefix.empty() && std::filesystem::is_regular_file(installed, ignored)) {
    command = installed.string().find(' ') == std::string::npos ? installed.string() : quoted(installed);
  }
  if (!what.empty()) command.append(" ").append(what);
  return command;
}

}  // namespace mnist
