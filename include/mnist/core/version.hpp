// The version of this program, for bug reports. The build supplies the values (`cmake/git_revision.cmake`). For
// LibTorch's version see `device/runtime.hpp`.
#pragma once

#include <string>

namespace mnist {

struct BuildInfo {
  std::string version;       // "0.1.0"
  std::string git_revision;  // "1a2b3c4d5e6f", plus "-dirty" if the tree has changes; "unknown" outside git
  std::string date;          // of that revision, "2026-01-31"; empty outside git unless SOURCE_DATE_EPOCH was set
  std::string compiler;      // "GNU 12.2.0"
  std::string build_type;    // "Release"
};

BuildInfo build_info();

}  // namespace mnist
