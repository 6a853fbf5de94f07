// The program: from the command line to the exit code. `app.cpp` contains the list of commands.
#pragma once

namespace mnist::cli {

// Parses the command line, runs the command, and prints errors with a hint to stderr. Never throws.
int run(int argc, const char* const* argv);

}  // namespace mnist::cli
