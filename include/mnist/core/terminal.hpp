// What the standard streams are connected to. Whether to print colours is decided in `src/cli/colors.hpp`.
#pragma once

namespace mnist {

enum class Stream { out, err };

// Opens /dev/null for each closed standard stream. Otherwise the next opened file gets that descriptor, and printed
// text goes into a model or the metrics. Call it first in `main`. Writing to a closed stdout is still an error; text
// for a closed stderr is lost.
void open_closed_streams();

// Whether the stream is a terminal.
bool is_terminal(Stream stream);

// Columns of the stream's terminal; 80 if unknown.
int terminal_width(Stream stream);

}  // namespace mnist
