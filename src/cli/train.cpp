// mnist train: trains a network, writes it, evaluates it every epoch. Read `run_train` at the end first.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/logging.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/text.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/gpu_monitor.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/device/spin_control.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/report/run_directory.hpp"
#include "mnist/report/run_output.hpp"
#include "mnist/report/transfer_log.hpp"
#include "mnist/train/loop.hpp"

#include "colors.hpp"
#include "command.hpp"
#include "config.hpp"
#include "durations.hpp"
#include "no_effect.hpp"
#include "open_data.hpp"
#include "options.hpp"
#include "output_model.hpp"
#include "place.hpp"
#include "pretrained.hpp"
#include "print.hpp"
#include "procs.hpp"
#include "report_page.hpp"
#include "report_pictures.hpp"
#include "resume.hpp"
#include "stop.hpp"
#include "train_end.hpp"
#include "train_options.hpp"
#include "train_plan.hpp"
#include "train_ranks.hpp"
#include "training_data.hpp"
#include "transfer_pictures.hpp"

namespace mnist::cli {
namespace {

// The initial network on its device; frozen except for the last layer if only that is trained. A checkpoint contains
// all weights and their origin; other ranks get those of rank 0.
std::shared_ptr<Network> build_network(Plan& plan, TrainingData& data, const Checkpoint* checkpoint,
                                       spdlog::logger& log) {
  const std::vector<std::string>& class_names = data.train.class_names;
  auto network = make_network(plan.info, static_cast<std::int64_t>(class_names.size()), plan.training.seed);
  network->use_kernels(plan.training.compute.kernels);
  const bool from_file = checkpoint == nullptr && plan.training.ranks->leads();
  if (checkpoint != nullptr) plan.ancestry = checkpoint->recipe.training.ancestry;
  if (from_file) {
    plan.ancestry =
        load_initial_weights(*network, plan.info, plan.options.weights, class_names, plan.preprocessing, log);
  }
  network->to(plan.device.device);
  if (plan.training.inputs == Inputs::features) {
    if (from_file && plan.ancestry.empty()) {
      log.warn(
          "--scenario fixedfeature trains the last layer only, and the others are random: give a model with --weights");
    }
    freeze_body(data, *network, plan.info, plan.training);
  }
  return network;
}

// A dry run writes no files unless --run-dir is given.
std::optional<RunDirectory> new_directory(const Plan& plan, const Context& context) {
  const TrainOptions& options = plan.options;
  if (!options.run_dir.empty()) return RunDirectory::at(options.run_dir, context.command_line);
  if (options.dry_run) return std::nullopt;
  return RunDirectory::numbered("runs", options.arch, context.command_line);
}

// The status line for progress; none for a quiet run, unless it asks for one, or for ranks other than 0.
std::shared_ptr<StatusLine> status_of(const Plan& plan, const Context& context) {
  return (plan.quiet && !plan.options.live) || !plan.training.ranks->leads() ? std::make_shared<StatusLine>(nullptr)
                                                                             : context.status;
}

RunOutputOptions output_options(const Plan& plan, const CLI::App& app, const TrainingData& data,
                                const RunIdentity& identity, const RunDirectory* run, const Context& context) {
  return {.style = style_of(plan.info),
          .quiet = plan.quiet,
          .live = plan.options.live,
          .keep_weights = !plan.options.dry_run,
          .keep = plan.options.keep,
          .status = status_of(plan, context),
          .gpu = plan.device.device.is_cuda() ? watch_gpu(plan.device.device.index()) : GpuReader(),
          .recipe = recipe_of(plan, data),
          .layout = plan.layout,
          .identity = identity,
          .print = [](const std::string& text) { print(text); },
          .write_page = [page = std::make_shared<EpochPage>(run != nullptr ? run->path() : "",
                                                            context.program)] { page->write(); },
          .tensorboard = plan.options.tensorboard ? std::optional(hyperparameters_of(plan, app)) : std::nullopt};
}

std::string class_list(const std::vector<std::string>& names) {
  constexpr std::size_t kMostColumns = 200;
  return fmt::format("{}: {}", counted(std::ssize(names), "class"),
                     shortened(printable(fmt::format("{}", fmt::join(names, ", "))), kMostColumns));
}

// Logs the plan of the run.
void tell(const Plan& plan, const TrainingData& data, const Network& network, spdlog::logger& log) {
  const TrainingOptions& training = plan.training;
  tell_device(plan.device, spdlog::level::info, log);
  tell_processes(training, network, log);
  log.info("model: {}, {} parameters, {}, kernels {}", plan.info.name, with_thousands(parameter_count(network)),
           precision_name(training.compute.precision), kernels_text(training));
  const std::int64_t train_items = data.train.batches->size();
  const std::int64_t test_items = data.test.batches->size();
  const auto used = [&](std::int64_t items, std::int64_t batch_size) {
    return with_thousands(std::min(items, training.limit_batches * batch_size));
  };
  const std::string limited =
      training.limit_batches == 0
          ? ""
          : fmt::format("; {} and {} of them in each epoch: {}", used(train_items, training.batch_size),
                        used(test_items, training.test_batch_size),
                        plan.options.dry_run ? "--dry-run" : "--limit-batches");
  log.info("data: {} in {}, {} training and {} {} images{}", plan.options.recipe.dataset,
           quoted(plan.options.data.data_dir), with_thousands(train_items), with_thousands(test_items),
           held_out_name(plan), limited);
  if (plan.options.recipe.dataset == kFolder && !plan.info.prints_phases) {
    log.info("{}", class_list(data.train.class_names));
  }
  log.info("training: epochs {}, batch size {}, {}, lr {:g}, seed {}", training.epochs, training.batch_size,
           optimizer_name(training.optimizer.kind), training.schedule.lr, training.seed);
}

std::string header_of(const Plan& plan, const TrainingData& data) {
  return transfer_header({.libtorch = libtorch_version(),
                          .device = plan.device.device.str(),
                          .data_dir = plan.options.data.data_dir.string(),
                          .train_items = data.train.batches->size(),
                          .val_items = data.test.batches->size(),
                          .class_names = data.train.class_names,
                          .scenario = plan.options.scenario});
}

// Output before the first step of a new run.
void introduce(const Plan& plan, const TrainingData& data, const Network& network, const RunDirectory* run,
               RunOutput& output, EarlyLog& early, const Context& context) {
  if (output.log_file()) early.replay(*output.log_file());
  tell(plan, data, network, context.log);
  if (run != nullptr) context.log.info("run directory: {}", run->path().string());
  if (!plan.options.dry_run) tell_of_old_model(plan.output, plan.options.overwrite, context.log);
  if (plan.info.prints_phases) output.mention(header_of(plan, data));
  if (run == nullptr || plan.options.dry_run) return;
  const std::filesystem::path picture = run->path() / (plan.info.draws_photos ? "test_grid.png" : "training_batch.png");
  attempt(context.log, [&] {
    // The first step does not wait for the picture: to find the fonts of a system may take seconds.
    output.write_later(picture.string(), [&log = context.log, &output, picture, names = data.train.class_names,
                                          images = training_batch(data.train, plan.training, plan.info)] {
      constexpr int kColumns = 4;
      warn_of_letters(names, log);
      draw_image_grid(picture, images, kColumns);
      if (TensorBoardFile* const events = output.tensorboard()) events->picture("train/batch", picture, /*step=*/0);
    });
  });
}

TrainingData open_training_data(const Plan& plan, const Stop& stop, const Context& context) {
  DataOptions options = plan.options.data;
  options.dataset = plan.options.recipe.dataset;
  options.stop_requested = [&stop] { return stop.signalled(); };
  options.ranks = plan.training.ranks;
  options.status = status_of(plan, context);
  return open_training_data(options, {plan.options.augment == "on", plan.options.rotate, plan.options.seed},
                            plan.preprocessing, plan.training, context.log);
}

// Starts the time limit with the first step.
struct Progress : TrainingObserver {
  explicit Progress(Stop& s) : stop(s) {}
  void batch_done(const BatchReport& /*report*/) override { stop.step_done(); }
  void epoch_done(const EpochReport& /*report*/) override { stop.step_done(); }
  Stop& stop;
};

// The run directory, with the session of this process.
std::optional<RunDirectory> open_directory(const Plan& plan, const CLI::App& app, const RunIdentity& identity,
                                           Resumption& resumption, std::chrono::steady_clock::time_point start,
                                           const Context& context) {
  std::optional<RunDirectory> directory =
      resumption.directory ? std::move(resumption.directory) : new_directory(plan, context);
  if (!directory) return directory;
  if (!directory->unguarded().empty()) {
    context.log.warn("{} cannot be locked ({}): a second process can write there, too", quoted(directory->path()),
                     directory->unguarded());
  }
  RunDescription description = description_of(plan, app, identity, context);
  description.start = start;
  if (resumption.found) {
    const TrainingState& state = resumption.found->checkpoint.state;
    directory->resume(description, state.epoch, state.step, RunResult{state.epoch - 1, state.epoch - 1, state.test});
  } else {
    directory->begin(description);
  }
  return directory;
}

// Ranks other than 0 only compute their part.
int follow(const Plan& plan, Trainer& trainer, Stop& stop) {
  Communicator& ranks = *plan.training.ranks;
  Progress progress(stop);
  const TrainingResult result = trainer.run({&progress}, [&stop] { return stop.requested(); });
  if (result.stopped) stop.agree(ranks);
  ranks.barrier();
  return result.stopped ? stop.exit_code() : 0;
}

// Rank 0, or the only process.
int lead(const Plan& plan, const TrainingData& data, Network& network, Trainer& trainer, RunDirectory* run,
         RunOutput& output, Stop& stop, const Context& context) {
  Communicator& ranks = *plan.training.ranks;
  Progress progress(stop);
  const TrainingResult result = trainer.run(
      {&output, &progress}, [&stop] { return stop.requested(); }, checkpoint_policy(plan.options));
  if (result.stopped) stop.agree(ranks);
  ranks.barrier();
  output.finish();
  if (ranks.size() > 1) {
    context.log.info("{} processes: this one waited {:.1f} s for gradients of other processes", ranks.size(),
                     result.exposed_seconds);
  }
  if (result.stopped) return end_stopped(plan, stop, result, output, run, context);
  if (result.epochs < plan.training.epochs) {
    context.log.info("stops after {} of {} epochs: no better epoch in the last {}", result.epochs, plan.training.epochs,
                     plan.training.early_stop);
  }
  try {
    end_finished(plan, result, data, network, output, run, stop, context);
  } catch (const Stopped&) {
    return end_stopped(plan, stop, result, output, run, context);
  }
  return 0;
}

// Trains from the beginning or from a checkpoint until the end or a stop.
int train(Plan plan, const CLI::App& app, Resumption resumption, Stop& stop, EarlyLog& early, const Context& context) {
  TrainingData data = open_training_data(plan, stop, context);
  if (plan.options.class_weights == "balanced") {
    plan.training.class_weights = balanced_weights(data.train.class_counts);
  } else if (plan.options.recipe.dataset == kFolder) {
    tell_uneven(data.train, context.log);
    tell_similar_names(data.train, context.log);
  }
  const RunIdentity identity = identity_of(plan, app, data);
  check_same_data(*plan.training.ranks, identity.data);
  std::optional<FoundCheckpoint>& found = resumption.found;
  const Checkpoint* const checkpoint = found ? &found->checkpoint : nullptr;
  if (checkpoint != nullptr) {
    check_identity(identity, checkpoint->identity, plan.options.deterministic, context.log);
  }
  const std::shared_ptr<Network> network = build_network(plan, data, checkpoint, context.log);
  Trainer trainer(*network, data.train_batches(), data.test_batches(), plan.training);
  if (checkpoint != nullptr) trainer.restore(checkpoint->state);
  share_features(data, plan.training, [&stop] { return stop.signalled(); });
  if (!plan.training.ranks->leads()) return follow(plan, trainer, stop);

  std::optional<RunDirectory> directory = open_directory(plan, app, identity, resumption, stop.started(), context);
  RunDirectory* const run = directory ? &*directory : nullptr;
  // Before the log file is opened: a resumed run already has these lines there.
  if (checkpoint != nullptr) tell(plan, data, *network, context.log);
  std::optional<RunOutput> output;
  try {
    output.emplace(output_options(plan, app, data, identity, run, context), run, checkpoint, context.log);
    if (checkpoint == nullptr) introduce(plan, data, *network, run, *output, early, context);
    found.reset();  // frees several times the network's memory
    return lead(plan, data, *network, trainer, run, *output, stop, context);
  } catch (const std::exception& error) {
    if (run != nullptr) end_failed(*run, output, error, context);
    throw;
  }
}

// Throws a usage `Error` if two options or several processes would read stdin.
void check_inputs(const TrainOptions& options, const Communicator& ranks) {
  check_one_stdin({{"--weights", options.weights}, {"--data-dir", options.data.data_dir}});
  if (ranks.size() == 1) return;
  for (const auto& [option, path] : {std::pair<const char*, std::filesystem::path>{"--weights", options.weights},
                                     {"--data-dir", options.data.data_dir}}) {
    if (!is_stdin(path)) continue;
    throw usage_error(fmt::format("{} {} cannot be read by {} processes", option, quoted(path), ranks.size()),
                      "name a file that all of them can read");
  }
}

// The options select the run, and a resumed run supplies its own options.
int run_rank(const CLI::App& given, const std::shared_ptr<const TrainOptions>& options,
             const std::shared_ptr<Communicator>& ranks, Stop& stop, const Context& context) {
  EarlyLog early(context.log);
  check_inputs(*options, *ranks);
  check_same_options(*ranks, resolved_config(given));
  Resumption resumption = find_run_together(*options, *ranks, context);
  TrainCommand command{.options = options};
  if (resumption.found) {
    const std::filesystem::path run =
        resumption.directory ? resumption.directory->path() : resumption.found->file.parent_path().parent_path();
    const Checkpoint& checkpoint = resumption.found->checkpoint;
    command = continued_command(given, run, checkpoint);
    const Remaining remaining = ranks->leads() ? remaining_work(run, checkpoint, command) : Remaining::all;
    if (ranks->leads()) tell_remaining(remaining, run, checkpoint, *command.options, context.log);
    if (ranks->any(remaining == Remaining::nothing || remaining == Remaining::replaced)) return 0;
    context.log.info("continues {} from {}, after {}", quoted(run), resumption.found->file.filename().string(),
                     progress_text(checkpoint.state));
  }
  stop.limit(options->stop_after.empty() ? 0 : parse_duration("--stop-after", options->stop_after),
             static_cast<int>(command.options->checkpoint_exit_code));
  // Before decoding, which can take minutes.
  if (ranks->leads() && !resumption.directory && !options->run_dir.empty()) RunDirectory::check(options->run_dir);
  Plan plan = make_plan(*command.options, ranks, context.log);
  const SpinControl spin(static_cast<int>(plan.threads));
  plan.quiet = options->quiet;
  for (const std::string& sentence :
       options_without_effect(given, plan, context.arguments, context.status->is_drawn_on())) {
    context.log.warn("{}", sentence);
  }
  warn_of_threads(plan.options.threads, context.log);
  check_model_name(plan.output);
  if (ranks->leads() && !plan.options.dry_run) check_output(plan.output, context.log);
  try {
    return train(std::move(plan), command.app ? *command.app : given, std::move(resumption), stop, early, context);
  } catch (const Stopped&) {
    context.log.warn("stopped by {} while reading the data, before the first step: nothing changed", stop.reason());
    ranks->leave(stop.exit_code(), stop.reason());
    return stop.exit_code();
  }
}

// The message after a signal. On a terminal it replaces the progress and ^C.
const char* notice_of_stop(bool dry_run, bool on_terminal) {
  if (dry_run) return on_terminal ? "\r\x1b[Kstopping after this step\n" : "\nstopping after this step\n";
  return on_terminal ? "\r\x1b[Kstopping with a checkpoint; a second Ctrl-C or SIGTERM ends it at once, without one\n"
                     : "\nstopping with a checkpoint; a second Ctrl-C or SIGTERM ends it at once, without one\n";
}

// Runs as the process that starts the others, as one of them, or as the only one.
int run_train(const CLI::App& given, const std::shared_ptr<const TrainOptions>& options, const Context& context) {
  set_verbosity(given, *options, context.log);
  // With --procs 1, a process of a launcher trains alone.
  const Place place = options->procs == 1 ? Place{} : place_of_process();
  const std::chrono::seconds timeout(options->timeout);
  if (options->procs > 1 && place.size == 1) return run_processes(options->procs, timeout, context);
  if (options->procs > 1 && options->procs != place.size) {
    throw usage_error(fmt::format("--procs {} contradicts {}, which has started {} processes", options->procs,
                                  place.launcher, place.size),
                      "omit it; with --procs 1 each process trains its own run");
  }
  const char* const notice = notice_of_stop(options->dry_run, is_interactive(Stream::err));
  constexpr double kLauncherPatience = 2;  // also for one process: srun sends SIGTERM twice if its job is preempted
  Stop stop(place.rank == 0 ? notice : "", launcher_of_process().empty() ? kSameSignal : kLauncherPatience);
  ignore_closed_pipes();
  if (place.rank > 0) context.log.set_level(spdlog::level::off);
  if (place.size > 1 && !place.one_machine) {
    context.log.info("{} processes on several machines; their communication is not encrypted", place.size);
  }
  std::shared_ptr<Communicator> ranks = single_process();  // until they are connected
  try {
    ranks = join(place, timeout);
    return run_rank(given, options, ranks, stop, context);
  } catch (const EndedElsewhere& end) {
    if (!end.stop().empty()) {
      context.log.warn("stopped by {} before the first step: nothing changed", end.stop());
    }
    return end.exit_code();
  } catch (const Error& error) {
    if (!ranks->leave(error.exit_code(), "")) return error.exit_code();
    if (ranks->leads() || error.kind() == ErrorKind::rank_lost) throw;
    throw Error(error.kind(), fmt::format("rank {}: {}", ranks->rank(), error.what()), error.hint());
  } catch (const std::exception&) {
    ranks->leave(static_cast<int>(ErrorKind::internal), "");
    throw;
  }
}

}  // namespace

Command add_train(CLI::App& root) {
  CLI::App* app = root.add_subcommand("train", "Train a network, write it, evaluate it every epoch");
  const std::shared_ptr<const TrainOptions> options = add_train_options(*app);
  return {app, [app, options](const Context& context) { return run_train(*app, options, context); }};
}

}  // namespace mnist::cli
