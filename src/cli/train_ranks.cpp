#include "train_ranks.hpp"

#include <filesystem>
#include <sstream>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/text.hpp"

namespace mnist::cli {

namespace {

std::string next_line(std::istream& text) {
  std::string line;
  std::getline(text, line);
  return line;
}

}  // namespace

void check_same_options(Communicator& ranks, const std::string& options) {
  const std::string first = ranks.broadcast_text(options);
  if (!ranks.any(first != options)) return;
  if (first == options) ranks.barrier();  // exits here, because another rank exits
  std::istringstream mine(options);
  std::istringstream its(first);
  std::string my_line;
  std::string its_line;
  while (my_line == its_line && (mine || its)) {
    my_line = next_line(mine);
    its_line = next_line(its);
  }
  throw usage_error(fmt::format("the options differ from those of rank 0: '{}' instead of '{}'", printable(my_line),
                                printable(its_line)),
                    "start all processes with the same command, config file and MNIST_... variables");
}

void check_same_data(Communicator& ranks, const std::string& fingerprint) {
  const bool same = ranks.broadcast_text(fingerprint) == fingerprint;
  if (!ranks.any(!same)) return;
  if (same) ranks.barrier();  // exits here, because another rank exits
  throw data_error("the data differ from those of rank 0", "all machines need the same files at --data-dir");
}

Resumption find_run_together(const TrainOptions& options, Communicator& ranks, const Context& context) {
  Resumption resumption;
  if (ranks.leads()) resumption = find_run(options, context.command_line, context.log);
  const std::filesystem::path file =
      ranks.broadcast_text(resumption.found ? std::filesystem::absolute(resumption.found->file).string() : "");
  if (!ranks.leads() && !file.empty()) resumption.found = FoundCheckpoint{file, read_checkpoint(file)};
  return resumption;
}

void tell_processes(const TrainingOptions& training, const Network& network, spdlog::logger& log) {
  const int processes = training.ranks->size();
  if (processes == 1) return;
  log.info("processes: {}, each with its rows of every batch", processes);
  const auto rows = training.batch_size / processes;
  const auto normalizes = [&] {
    return std::ranges::any_of(state_dict(network),
                               [](const auto& entry) { return entry.first.ends_with("running_mean"); });
  };
  constexpr std::int64_t kFewRows = 4;
  if (rows < 1) {
    log.warn("a batch of {} leaves some of the {} processes without a row", training.batch_size, processes);
  } else if (rows < kFewRows && training.inputs == Inputs::images && normalizes()) {
    log.warn(
        "BatchNorm computes its statistics from {} in each process, which is too few: use --batch-size {} or "
        "more",
        counted(rows, "row"), kFewRows * processes);
  }
}

}  // namespace mnist::cli
