// The program: command line in, exit code out. The list of the commands is in `app.cpp`.
#pragma once

namespace mnist::cli {

// Parses, runs the command, and says what went wrong in one line and a hint on stderr. Never throws.
int run(int argc, const char* const* argv);

}  // namespace mnist::cli
