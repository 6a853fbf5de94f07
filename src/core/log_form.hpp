// The common format of log files.
#pragma once

#include <filesystem>
#include <memory>

#include <spdlog/formatter.h>

namespace mnist {

// Local time with its offset to UTC, and the level, before each line of a message that has several:
// "2026-01-02 03:04:05.678+01:00 info text". Lines that are empty are left out; control characters but tabs become
// \xNN, so that no escape sequence gets into a log.
std::unique_ptr<spdlog::formatter> log_file_formatter();

// Returns `path` if it is a log or does not exist. Throws a data `Error` if it is another file, such as a model or an
// image.
const std::filesystem::path& checked_log(const std::filesystem::path& path);

}  // namespace mnist
