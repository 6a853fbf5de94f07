// mnist train --procs N: starts N processes on this machine that train one run together, and waits for them.
#pragma once

#include <chrono>

#include "command.hpp"

namespace mnist::cli {

// Starts this program `count` times with the same arguments; hands signals on to all. Returns the exit code of the run:
// that of the first process that failed by itself, else 75 if one was lost. `timeout`: after which the others notice.
int run_processes(int count, std::chrono::seconds timeout, const Context& context);

}  // namespace mnist::cli
