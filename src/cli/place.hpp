// Which of the processes of a run this one is. Its launcher says it in the environment: torchrun, srun, mpirun, or
// `mnist train --procs`.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "mnist/distributed/join.hpp"

namespace mnist::cli {

// Who started this process among others, by its environment: "torchrun", "mpirun", "srun", "mpiexec"; empty: nobody.
std::string launcher_of_process();

// By the environment of this process; of size 1 if nothing is said there. Throws a usage `Error` that names the
// variable whose value makes no sense, or that is missing.
Place place_of_process();

// What `mnist train --procs` says to the process that it starts as rank `rank` of `size`: variables and values. The
// store is at `port` of this machine; rank 0 finds it listening at `descriptor`.
std::vector<std::pair<std::string, std::string>> environment_of(int rank, int size, std::uint16_t port, int descriptor);

// The first host of a Slurm node list: "node01" of "node[01-04,7],m3".
std::string first_host(const std::string& nodes);

}  // namespace mnist::cli
