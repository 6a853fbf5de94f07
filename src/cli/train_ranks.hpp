// Checks before training that all processes of a run have the same run, options and data.
#pragma once

#include <string>

#include <spdlog/logger.h>

#include "mnist/distributed/communicator.hpp"
#include "mnist/model/network.hpp"
#include "mnist/train/loop.hpp"

#include "command.hpp"
#include "resume.hpp"
#include "train_options.hpp"

namespace mnist::cli {

// Throws a usage `Error`, on the ranks concerned, if the options (TOML) are not those of rank 0: a launcher may start
// each process with a command or an environment of its own.
void check_same_options(Communicator& ranks, const std::string& options);

// Throws a data `Error` if the fingerprint of the data is not that of rank 0's.
void check_same_data(Communicator& ranks, const std::string& fingerprint);

// Finds the run to resume: rank 0 owns its directory; the others read the same checkpoint.
Resumption find_run_together(const TrainOptions& options, Communicator& ranks, const Context& context);

// Logs the number of processes, if there are several, and warns if their parts of a batch are too small.
void tell_processes(const TrainingOptions& training, const Network& network, spdlog::logger& log);

}  // namespace mnist::cli
