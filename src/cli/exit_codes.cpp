#include "exit_codes.hpp"

#include <fmt/format.h>

#include "help.hpp"

namespace mnist::cli {

std::string exit_code_text() {
  std::string text;
  std::string line = "Exit codes:";
  for (const ExitCode& entry : kExitCodes) {
    const std::string item =
        fmt::format("{} {}{}", entry.code, entry.meaning, &entry == &kExitCodes.back() ? "." : ",");
    if (line.size() + 1 + item.size() > kHelpWidth) {
      text += line + "\n";
      line = item;
    } else {
      line += " " + item;
    }
  }
  return text + line;
}

}  // namespace mnist::cli
