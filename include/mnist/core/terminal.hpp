// What the standard streams are connected to: whether a progress line and colours make sense there.
#pragma once

#include <string>

namespace mnist {

enum class Stream { out, err };

// Whether the stream is an interactive terminal that understands escape sequences (TERM is not "dumb").
bool is_terminal(Stream stream);

// Columns of the terminal behind the stream; 80 where that is unknown.
int terminal_width(Stream stream);

// Whether to write colours: `mode` is "always", "never" or "auto" (a terminal, and NO_COLOR unset or empty:
// no-color.org).
bool use_color(const std::string& mode, Stream stream);

}  // namespace mnist
