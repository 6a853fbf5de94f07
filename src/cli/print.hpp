// Results on stdout, errors on stderr.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <spdlog/logger.h>

#include "mnist/core/error.hpp"

namespace mnist::cli {

// Writes `text` to stdout without delay, also to a pipe.
// Throws a data `Error` if it cannot be written (full disk, closed): a result is never lost silently.
void print(std::string_view text);

// The same for lines of fields, such as CSV, with names that may have any bytes: a terminal gets their control
// characters as \xNN.
void print_lines(std::string_view text);

// Whether something printed so far could not be written, except to a reader that has exited. The program then ends with
// the exit code of a data error, unless it has another one.
bool has_lost_output();

// Prints an error and its hint to stderr at any log level, and to the log files; `log` may be nullptr.
void print_error(const Error& error, bool color, spdlog::logger* log);

// `argument` in quotes for a shell if necessary.
std::string quoted_for_shell(const std::string& argument);

}  // namespace mnist::cli
