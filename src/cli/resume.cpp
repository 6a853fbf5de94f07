#include "resume.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"

#include "config.hpp"
#include "describe.hpp"
#include "options.hpp"
#include "print.hpp"
#include "toml.hpp"

namespace mnist::cli {
namespace {

// A run may get more epochs, another machine, and other outputs. Other options would make it a different run.
constexpr std::array<std::string_view, 19> kMayChange = {
    "epochs",    "device",        "no-cuda",    "threads",   "kernels",    "cuda-graphs",      "log-interval",
    "output",    "save-model",    "data-dir",   "cache-mb",  "keep",       "checkpoint-every", "checkpoint-exit-code",
    "overwrite", "deterministic", "early-stop", "keep-best", "tensorboard"};

// Options of this process, not of the run.
constexpr std::array<std::string_view, 8> kOfThisProcess = {"resume",  "run-dir", "stop-after", "procs",
                                                            "timeout", "quiet",   "verbose",    "live"};

// Two names for one setting: giving one removes the other.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kSynonyms = {
    {{"output", "save-model"}, {"device", "no-cuda"}}};

bool is_synonym(std::string_view one, std::string_view other) {
  return std::ranges::any_of(kSynonyms, [&](const auto& pair) {
    return (pair.first == one && pair.second == other) || (pair.first == other && pair.second == one);
  });
}

// Compares numbers by value.
bool same(const CLI::Option& option, const std::vector<std::string>& one, const std::vector<std::string>& other) {
  if (!is_integer(option) && !is_real(option)) return one == other;
  const auto number = [](const std::string& text) { return std::strtod(text.c_str(), nullptr); };
  return std::ranges::equal(one, other, {}, number, number);
}

// Values as text, by key.
using Values = std::map<std::string, std::vector<std::string>>;

TrainCommand parse(const Values& values) {
  // Shared ownership: the root owns the command.
  const auto root = std::make_shared<CLI::App>();
  root->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  CLI::App* const app = root->add_subcommand("train");
  TrainCommand command{std::shared_ptr<CLI::App>(root, app), add_train_options(*app)};
  std::vector<std::string> arguments;
  for (const auto& [key, texts] : values) {
    for (const std::string& text : texts) arguments.push_back(fmt::format("--{}={}", key, text));
  }
  arguments.emplace_back("train");  // CLI11 starts with the last one
  try {
    root->parse(arguments);
  } catch (const CLI::ParseError& error) {
    throw usage_error(
        fmt::format("the run has options that this version does not support: {}", printable(error.what())),
        "resume it with the version of mnist that started it");
  }
  return command;
}

std::optional<std::filesystem::path> folder_of_run(const TrainOptions& options) {
  if (options.resume != kResumeNewest && options.resume != kResumeAuto) {
    if (options.run_dir.empty() || options.run_dir == options.resume) return options.resume;
    throw usage_error("--resume and --run-dir give different folders", "give only one of them");
  }
  if (!options.run_dir.empty()) return options.run_dir;
  // Without a folder, only resume a run of this network, and no other one.
  const std::string arch = options.resume == kResumeAuto ? options.arch : "";
  if (const std::optional<RunSummary> summary = newest_unfinished("runs", arch)) return summary->path;
  return std::nullopt;
}

// A job that was stopped before its first checkpoint starts again in its folder; its old files are renamed.
void begin_again(const std::filesystem::path& run, const std::string& arch, spdlog::logger& log) {
  const std::optional<RunSummary> summary = read_summary(run);
  if (summary && summary->arch != arch) {
    throw usage_error(fmt::format("{} has no checkpoint to continue from, and is a run of {}, not of {}", quoted(run),
                                  printable(summary->arch), arch),
                      fmt::format("give its options again, --arch {} first; {} has them", printable(summary->arch),
                                  quoted(run / "config.toml")));
  }
  if (!summary || summary->outcome == Outcome::finished) {
    throw usage_error(fmt::format("{} has no checkpoint to continue from, and is kept as it is", quoted(run)),
                      "start a new run in another folder with --run-dir");
  }
  std::error_code ignored;
  const auto is_there = [&](const char* name) { return std::filesystem::exists(run / name, ignored); };
  if (!is_there("last.pt") && !is_there("best.pt")) return;
  std::vector<std::string> names;
  for (const char* name : {"last.pt", "best.pt", "metrics.jsonl", "metrics.csv", "log.txt"}) {
    if (!is_there(name)) continue;
    const std::filesystem::path aside = unused_path(run / (std::string(name) + ".bak"));
    std::filesystem::rename(run / name, aside);
    names.push_back(aside.filename().string());
  }
  log.warn("there is no checkpoint in {}: the run starts again; its old files are kept as {}", quoted(run),
           fmt::join(names, ", "));
}

}  // namespace

Resumption find_run(const TrainOptions& options, const std::string& command_line, spdlog::logger& log) {
  if (options.resume.empty()) return {};
  const bool automatic = options.resume == kResumeAuto;
  const std::optional<std::filesystem::path> run = folder_of_run(options);
  if (!run) {
    if (automatic) return {};
    throw usage_error("there is no run in 'runs' to resume",
                      "give its folder: --resume DIR; or start a run without --resume");
  }
  const std::filesystem::path folder = *run / "checkpoints";
  std::error_code ignored;
  const bool is_run = read_summary(*run) || std::filesystem::is_directory(folder, ignored);
  if (automatic && !is_run) return {};
  if (!is_run) {
    throw usage_error(fmt::format("there is no run in {}", quoted(*run)),
                      fmt::format("to start one there, or resume it if it exists: --run-dir {} --resume auto",
                                  quoted_for_shell(run->string())));
  }
  // Lock before reading, so that the state does not change.
  Resumption resumption{.directory = RunDirectory::existing(*run, command_line)};
  resumption.found =
      newest_checkpoint(folder, [&](const std::string& what) { log.warn("{}; trying the previous one", what); });
  if (resumption.found) return resumption;
  if (const std::size_t unreadable = checkpoint_files(folder).size(); unreadable > 0) {
    throw data_error(fmt::format("none of the checkpoints in {} can be read", quoted(folder)),
                     "start a new run in another folder");
  }
  if (automatic) {
    begin_again(*run, options.arch, log);
    return resumption;
  }
  throw usage_error(
      fmt::format("there is no checkpoint in {}", quoted(folder)),
      fmt::format("to start the run again in its folder, repeat its command with --run-dir {} --resume auto",
                  quoted_for_shell(run->string())));
}

TrainCommand continued_command(const CLI::App& given, const std::filesystem::path& run, const Checkpoint& checkpoint) {
  Values values;
  for (const TomlEntry& entry : parse_toml(checkpoint.identity.config, "the options in the checkpoint")) {
    if (!entry.key.empty()) values[entry.key] = entry.values;
  }
  // The device may come from the environment, which --no-cuda overrides.
  if (values["no-cuda"] == std::vector<std::string>{"true"}) values.erase("device");
  const TrainCommand of_run = parse(values);
  const auto refuse = [&](const std::string& what, const std::string& more = "") {
    return usage_error(fmt::format("{} cannot change in the run {}", what, quoted(run)),
                       "omit it, or start a new run" + more);
  };
  const std::vector<std::string> left_out = options_left_out(checkpoint.identity.config);
  for (const std::string& name : left_out) {
    if (is_given(*given.get_option("--" + name))) continue;
    throw usage_error(fmt::format("the run's --{} is not UTF-8, and its checkpoint cannot store it", name),
                      "give it again on the command line");
  }
  std::vector<std::string> refused;
  for (const CLI::Option* option : own_options(given)) {
    const std::string name = option->get_single_name();
    if (!is_given(*option) || std::ranges::count(kOfThisProcess, name) > 0) continue;
    const CLI::Option* const theirs = of_run.app->get_option_no_throw("--" + name);
    if (theirs == nullptr) continue;  // --help and the like
    const std::vector<std::string> mine = option_values(*option);
    if (same(*option, mine, option_values(*theirs))) continue;
    if (std::ranges::count(kMayChange, name) == 0 && std::ranges::count(left_out, name) == 0) {
      refused.push_back(
          fmt::format("--{} {} (the run has {})", name, fmt::join(mine, " "), fmt::join(option_values(*theirs), " ")));
      continue;
    }
    std::erase_if(values, [&](const auto& entry) { return is_synonym(entry.first, name); });
    values[name] = mine;
    // --early-stop sets its default.
    if (name == "early-stop" && !is_given(*given.get_option("--keep-best"))) values.erase("keep-best");
  }
  if (!refused.empty()) {
    throw refuse(fmt::format("{}", fmt::join(refused, ", ")),
                 fmt::format("; these can change: --{}", fmt::join(kMayChange, ", --")));
  }
  TrainCommand command = parse(values);
  command.same_output = output_path(*command.options) == output_path(*of_run.options);
  const std::int64_t epochs = command.options->recipe.epochs;
  if (epochs != of_run.options->recipe.epochs &&
      schedule_kind(command.options->recipe.schedule) != ScheduleKind::step) {
    throw refuse(
        fmt::format("--epochs with --schedule {} (its learning rates depend on it)", command.options->recipe.schedule));
  }
  const std::int64_t done = checkpoint.state.epoch - 1;
  const std::optional<RunSummary> summary = read_summary(run);
  // A finished run accepts fewer epochs: its first command may be repeated after it got more.
  const bool too_few = epochs < done || (epochs == done && checkpoint.state.step > 0);
  if (too_few && (!summary || summary->outcome != Outcome::finished)) {
    throw usage_error(
        fmt::format("the run in {} is past --epochs {}: {}", quoted(run), epochs, progress_text(checkpoint.state)),
        "give a larger --epochs");
  }
  return command;
}

std::string progress_text(const TrainingState& state) {
  const std::int64_t epochs = state.epoch - 1;
  std::string steps = counted(state.step, "step");
  if (epochs == 0) return steps;
  return counted(epochs, "epoch") + (state.step > 0 ? " and " + steps : "");
}

void check_identity(const RunIdentity& now, const RunIdentity& then, bool deterministic, spdlog::logger& log) {
  if (now.data != then.data) {
    throw data_error("the data differ from those that the run started with",
                     "give the same data with --data-dir, or start a new run");
  }
  std::vector<std::string> changes;
  const auto compare = [&](const char* what, const std::string& mine, const std::string& theirs) {
    if (mine != theirs) changes.push_back(fmt::format("{} {} instead of {}", what, mine, printable(theirs)));
  };
  compare("device", now.device, then.device);
  compare("kernels", now.kernels, then.kernels);
  compare("threads", std::to_string(now.threads), std::to_string(then.threads));
  compare("processes", std::to_string(now.ranks), std::to_string(then.ranks));
  compare("LibTorch", now.libtorch, then.libtorch);
  compare("build", now.build, then.build);
  compare("processor", now.cpu, then.cpu);
  compare("precision", now.precision, then.precision);
  if (now.device.starts_with("cuda") && !deterministic) changes.emplace_back("a GPU without --deterministic");
  if (!changes.empty()) {
    log.warn("the run continues with {}: its results are equal up to rounding, not bit for bit",
             fmt::join(changes, ", "));
  }
}

}  // namespace mnist::cli
