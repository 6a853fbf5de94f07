// What the standard streams are connected to. Whether a person wants colours there is for `cli` to know
// (`src/cli/colors.hpp`).
#pragma once

namespace mnist {

enum class Stream { out, err };

// Whether the stream is a terminal.
bool is_terminal(Stream stream);

// Columns of the terminal behind the stream; 80 where that is unknown.
int terminal_width(Stream stream);

}  // namespace mnist
