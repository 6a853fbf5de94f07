// What the standard streams are connected to. Whether to print colours is decided in `src/cli/colors.hpp`.
#pragma once

#include <optional>
#include <string_view>

namespace mnist {

enum class Stream { out, err };

// Opens /dev/null for each closed standard stream. Otherwise the next opened file gets that descriptor, and printed
// text goes into a model or the metrics. Call it first in `main`. Writing to a closed stdout is still an error; text
// for a closed stderr is lost. Also ignores SIGXFSZ, so that a limit of file sizes (ulimit -f) is an error like a full
// disk, instead of the end of the process. On Windows it makes the streams those of bytes and UTF-8, as on other
// systems.
void open_closed_streams();

// Whether the stream is a terminal.
bool is_terminal(Stream stream);

// Whether the stream is a pipe: the process at its other end may write to the same terminal at any time.
bool is_pipe(Stream stream);

// Columns of the stream's terminal. If there is none, or they are unknown: the environment variable COLUMNS (20 to
// 10,000); nothing if it does not say it either.
std::optional<int> known_width(Stream stream);

// The same; 80 if they are unknown.
int terminal_width(Stream stream);

// Writes to stderr. A failure is ignored (full disk): there is nobody who could be told.
void write_to_stderr(std::string_view text);

// Lines of the stream's terminal; 0 if there is none, or they are unknown.
int terminal_height(Stream stream);

// Whether text for the terminal is UTF-8: the first of the environment variables LC_ALL, LC_CTYPE and LANG that is set
// says so.
bool is_utf8_locale();

}  // namespace mnist
