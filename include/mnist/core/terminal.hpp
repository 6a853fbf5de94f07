// What the standard streams are connected to. Whether a person wants colours there is for `cli` to know
// (`src/cli/colors.hpp`).
#pragma once

namespace mnist {

enum class Stream { out, err };

// Opens /dev/null for each standard stream that is closed: else the next file that is opened would get its descriptor,
// and what is printed would go into a model or the metrics. For `main`, before anything else. Writing to a stdout that
// was closed stays an error; what goes to a closed stderr is lost.
void open_closed_streams();

// Whether the stream is a terminal.
bool is_terminal(Stream stream);

// Columns of the terminal behind the stream; 80 where that is unknown.
int terminal_width(Stream stream);

}  // namespace mnist
