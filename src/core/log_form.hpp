// The common format of log files.
#pragma once

#include <filesystem>

namespace mnist {

inline constexpr const char* kLogFilePattern = "%Y-%m-%d %H:%M:%S.%e %l %v";

// Returns `path` if it is a log or does not exist. Throws a data `Error` if it is another file, such as a model or an
// image.
const std::filesystem::path& checked_log(const std::filesystem::path& path);

}  // namespace mnist
