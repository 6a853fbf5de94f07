#include "resume.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/report/run_directory.hpp"

#include "config.hpp"
#include "help.hpp"
#include "options.hpp"

namespace mnist::cli {
namespace {

// A run may get more epochs, move to another machine, and write elsewhere. All else would make it another run.
constexpr std::array<std::string_view, 17> kMayChange = {
    "epochs",      "device",       "no-cuda",    "threads",          "kernels",
    "cuda-graphs", "log-interval", "output",     "save-model",       "data-dir",
    "cache-mb",    "keep",         "stop-after", "checkpoint-every", "checkpoint-exit-code",
    "overwrite",   "deterministic"};

// What the parser would say that stands nowhere in a run.
constexpr std::array<std::string_view, 2> kOfThisCommand = {"resume", "run-dir"};

// Whether the option was given, on the command line or in a file; the environment only fills gaps.
bool is_given(const CLI::Option& option) {
  if (option.count() == 0) return false;
  const char* const variable = option.get_envname().empty() ? nullptr : std::getenv(option.get_envname().c_str());
  return variable == nullptr || option.as<std::string>() != variable;
}

std::vector<std::string> values_of(const CLI::Option& option) {
  std::vector<std::string> values = option.reduced_results();
  if (values.empty() && is_flag(option)) values = {"false"};
  if (values.empty() && !option.get_default_str().empty()) values = {option.get_default_str()};
  return values;
}

// Also of two ways to write a number.
bool same(const std::vector<std::string>& one, const std::vector<std::string>& other) {
  const auto equal = [](const std::string& a, const std::string& b) {
    if (a == b) return true;
    char* end_a = nullptr;
    char* end_b = nullptr;
    const double number_a = std::strtod(a.c_str(), &end_a);
    const double number_b = std::strtod(b.c_str(), &end_b);
    return !a.empty() && !b.empty() && *end_a == '\0' && *end_b == '\0' && number_a == number_b;
  };
  return std::ranges::equal(one, other, equal);
}

TrainCommand parse(const std::filesystem::path& config, const std::vector<std::string>& arguments) {
  // Owned together: the command belongs to its root.
  const auto root = std::make_shared<CLI::App>();
  add_config(*root);
  root->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  CLI::App* const app = root->add_subcommand("train");
  TrainCommand command{std::shared_ptr<CLI::App>(root, app), add_train_options(*app)};
  // CLI11 takes the last first.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  reversed.insert(reversed.end(), {"train", config.string(), "--config"});
  root->parse(reversed);
  return command;
}

std::optional<std::filesystem::path> folder_of_run(const TrainOptions& options) {
  if (options.resume != kResumeNewest && options.resume != kResumeAuto) {
    if (options.run_dir.empty() || options.run_dir == options.resume) return options.resume;
    throw usage_error("--resume and --run-dir name two folders", "name one of them");
  }
  if (!options.run_dir.empty()) return options.run_dir;
  if (const std::optional<RunSummary> summary = newest_unfinished("runs")) return summary->path;
  return std::nullopt;
}

}  // namespace

std::optional<Continuation> find_continuation(const TrainOptions& options, spdlog::logger& log) {
  if (options.resume.empty()) return std::nullopt;
  const bool automatic = options.resume == kResumeAuto;
  const std::optional<std::filesystem::path> run = folder_of_run(options);
  if (!run) {
    if (automatic) return std::nullopt;
    throw usage_error("there is no run in 'runs' that could be continued",
                      "name its folder: --resume DIR; or begin one without --resume");
  }
  const std::filesystem::path folder = *run / "checkpoints";
  const auto damaged = [&](const std::string& what) { log.warn("{}; the one before it is tried", what); };
  if (std::optional<FoundCheckpoint> found = newest_checkpoint(folder, damaged)) return Continuation{*run, *found};
  const std::size_t unreadable = checkpoint_files(folder).size();
  if (unreadable > 0) {
    throw data_error(fmt::format("none of the {} checkpoints in {} can be read", unreadable, quoted(folder)),
                     "begin a new run in another folder");
  }
  // A job that was stopped before its first checkpoint begins again.
  if (automatic) return std::nullopt;
  throw usage_error(fmt::format("there is no checkpoint in {}", quoted(folder)),
                    "begin a new run, without --resume; its checkpoints will be there");
}

TrainCommand continued_command(const CLI::App& given, const Continuation& continuation) {
  const std::filesystem::path config = continuation.run / "config.toml";
  // Lost, or changed since: what counts is what the run was computed with.
  write_file_atomically(config, continuation.found.checkpoint.identity.config);
  const TrainCommand of_run = parse(config, {});
  const auto refuse = [&](const std::string& what) {
    return usage_error(
        fmt::format("{} cannot change in the run {}", what, quoted(continuation.run)),
        fmt::format("leave it away, or begin a new run; what can change: --{}", fmt::join(kMayChange, ", --")));
  };
  std::vector<std::string> changes;
  for (const CLI::Option* option : own_options(given)) {
    const std::string name = option->get_single_name();
    if (!is_given(*option) || std::ranges::count(kOfThisCommand, name) > 0) continue;
    const CLI::Option* const theirs = of_run.app->get_option_no_throw("--" + name);
    if (theirs == nullptr) continue;  // --help and the like
    const std::vector<std::string> values = values_of(*option);
    if (same(values, values_of(*theirs))) continue;
    if (std::ranges::count(kMayChange, name) == 0) {
      throw refuse(
          fmt::format("--{} {} (the run has {})", name, fmt::join(values, " "), fmt::join(values_of(*theirs), " ")));
    }
    for (const std::string& value : values) changes.push_back(fmt::format("--{}={}", name, value));
  }
  TrainCommand command = parse(config, changes);
  if (command.options->recipe.epochs != of_run.options->recipe.epochs &&
      command.options->recipe.schedule == "one-cycle") {
    throw refuse("--epochs with --schedule one-cycle, whose rates depend on it,");
  }
  if (command.options->recipe.epochs < continuation.found.checkpoint.state.epoch - 1) {
    throw usage_error(fmt::format("the run has {} finished epochs already, --epochs {} are fewer",
                                  continuation.found.checkpoint.state.epoch - 1, command.options->recipe.epochs),
                      "ask for more");
  }
  return command;
}

void check_identity(const RunIdentity& now, const RunIdentity& then, spdlog::logger& log) {
  if (now.data != then.data) {
    throw data_error("the data are not those that the run began with",
                     "give the same data with --data-dir, or begin a new run");
  }
  std::vector<std::string> changes;
  const auto compare = [&](const char* what, const std::string& mine, const std::string& theirs) {
    if (mine != theirs) changes.push_back(fmt::format("{} {} instead of {}", what, mine, theirs));
  };
  compare("device", now.device, then.device);
  compare("kernels", now.kernels, then.kernels);
  compare("threads", std::to_string(now.threads), std::to_string(then.threads));
  compare("LibTorch", now.libtorch, then.libtorch);
  compare("precision", now.precision, then.precision);
  if (!changes.empty()) {
    log.warn("the run continues with {}: the same to the usual rounding, not bit for bit", fmt::join(changes, ", "));
  }
}

}  // namespace mnist::cli
