#include "train_ranks.hpp"

#include <filesystem>
#include <sstream>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/text.hpp"

namespace mnist::cli {

void check_same_options(Communicator& ranks, const std::string& options) {
  ranks.meet();
  const std::string first = ranks.broadcast_text(options);
  if (first == options) return;
  std::istringstream mine(options);
  std::istringstream its(first);
  std::string my_line;
  std::string its_line;
  while (my_line == its_line && (std::getline(mine, my_line) || std::getline(its, its_line)))
    std::getline(its, its_line);
  throw usage_error(
      fmt::format("the options are not those of rank 0: '{}' instead of '{}'", printable(my_line), printable(its_line)),
      "start all processes with the same command, config file and MNIST_... variables");
}

void check_same_data(Communicator& ranks, const std::string& fingerprint) {
  ranks.meet();  // one reads faster than another
  if (ranks.broadcast_text(fingerprint) == fingerprint) return;
  throw data_error("the data are not those of rank 0", "all machines need the same files at --data-dir");
}

Resumption find_run_together(const TrainOptions& options, Communicator& ranks, const Context& context) {
  Resumption resumption;
  if (ranks.leads()) resumption = find_run(options, context.command_line, context.log);
  ranks.meet();
  const std::filesystem::path file =
      ranks.broadcast_text(resumption.found ? std::filesystem::absolute(resumption.found->file).string() : "");
  if (!ranks.leads() && !file.empty()) resumption.found = FoundCheckpoint{file, read_checkpoint(file)};
  ranks.meet();
  return resumption;
}

}  // namespace mnist::cli
