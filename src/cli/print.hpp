// Results on stdout, errors on stderr.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <spdlog/logger.h>

#include "mnist/core/error.hpp"

namespace mnist::cli {

// Writes `text` to stdout at once, so that a reader of a pipe sees it when it comes about.
// Throws a data `Error` where it cannot be written (full disk, closed): a result is never lost in silence.
void print(std::string_view text);

// Tells an error and its hint on stderr, whatever the log level, and to the log's files; `log` may be nullptr.
void print_error(const Error& error, bool color, spdlog::logger* log);

// `argument` as a shell reads it back.
std::string quoted_for_shell(const std::string& argument);

}  // namespace mnist::cli
