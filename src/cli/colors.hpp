// Whether a stream supports escape sequences, and whether to use colours: from --color and the environment.
#pragma once

#include <string>

#include "mnist/core/terminal.hpp"

namespace mnist::cli {

// Whether the stream is a terminal that understands escape sequences (TERM is not "dumb"): a progress line can be
// drawn.
bool is_interactive(Stream stream);

// Whether to write colours: `mode` is "always", "never" or "auto" (interactive, and NO_COLOR unset or empty:
// no-color.org).
bool use_color(const std::string& mode, Stream stream);

}  // namespace mnist::cli
