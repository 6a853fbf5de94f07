// Finds the rank of this process from the environment variables of its launcher: torchrun, srun, mpirun, or
// `mnist train --procs`.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mnist/distributed/join.hpp"

namespace mnist::cli {

// The launcher of this process, from its environment: "torchrun", "mpirun", "srun", "mpiexec"; empty: none.
std::string launcher_of_process();

// The place from the environment; size 1 if there is no launcher. Throws a usage `Error` with the name of a variable
// that is invalid or missing.
Place place_of_process();

// The environment variables that `mnist train --procs` sets for rank `rank` of `size`. The store is at `port` of this
// machine; rank 0 inherits its listening socket `descriptor`.
std::vector<std::pair<std::string, std::string>> environment_of(int rank, int size, std::uint16_t port, int descriptor);

// The first host of a Slurm node list: "node01" of "node[01-04,7],m3".
std::string first_host(const std::string& nodes);

}  // namespace mnist::cli
