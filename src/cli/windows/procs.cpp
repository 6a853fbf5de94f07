#include "procs.hpp"

#include "mnist/core/error.hpp"

namespace mnist::cli {

int run_processes(int /*count*/, std::chrono::seconds /*timeout*/, const Context& /*context*/) {
  throw usage_error("--procs is not available on Windows",
                    "omit it: one process uses all cores; or use Linux, also as WSL");
}

}  // namespace mnist::cli
