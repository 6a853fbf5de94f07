// What every file of the log has in common.
#pragma once

#include <filesystem>

namespace mnist {

inline constexpr const char* kLogFilePattern = "%Y-%m-%d %H:%M:%S.%e %l %v";

// `path`, if it is a log or may become one. Throws a data `Error` for another file that is there already: a model, an
// image, named by mistake.
const std::filesystem::path& checked_log(const std::filesystem::path& path);

}  // namespace mnist
