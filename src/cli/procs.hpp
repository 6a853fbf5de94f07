// mnist train --procs N: starts N processes on this machine that train one run, and waits for them.
#pragma once

#include <chrono>

#include "command.hpp"

namespace mnist::cli {

// Starts this program `count` times with the same arguments and forwards signals. Returns the exit code of the first
// process that failed by itself, else 75 if one was lost. `timeout`: time until the others detect a loss.
int run_processes(int count, std::chrono::seconds timeout, const Context& context);

}  // namespace mnist::cli
