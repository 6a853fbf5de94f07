// Which program this is: the answers to every bug report's first questions. Values come from the build
// (`cmake/git_revision.cmake`); nothing here knows LibTorch (see `device/runtime.hpp`).
#pragma once

#include <string>

namespace mnist {

struct BuildInfo {
  std::string version;       // "0.1.0"
  std::string git_revision;  // "1a2b3c4d5e6f", with "-dirty" where the tree had changes; "unknown" outside git
  std::string compiler;      // "GNU 12.2.0"
  std::string build_type;    // "Release"
};

BuildInfo build_info();

}  // namespace mnist
