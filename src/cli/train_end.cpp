#include "train_end.hpp"

#include <optional>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/sha256.hpp"
#include "mnist/core/text.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/model/registry.hpp"
#include "mnist/report/checkpoints.hpp"
#include "mnist/report/progress.hpp"
#include "mnist/report/transfer_log.hpp"

#include "calibrate.hpp"
#include "output_model.hpp"
#include "print.hpp"
#include "report_page.hpp"
#include "transfer_pictures.hpp"

namespace mnist::cli {
namespace {

// Whether the model at `path` is the result of a finished run.
bool is_model_of(const std::filesystem::path& path, const Checkpoint& checkpoint, bool best) {
  const TrainingState& state = checkpoint.state;
  Recipe expected =
      trained(checkpoint.recipe, best ? state.best.epoch : state.epoch - 1, best ? state.best.test : state.test);
  try {
    const std::optional<Recipe> found = read_model_file(path).recipe;
    if (!found) return false;
    expected.temperature = found->temperature;  // fitted after the checkpoint
    return *found == expected;
  } catch (const Error&) {
    return false;
  }
}

bool is_model(const std::filesystem::path& path) {
  try {
    read_model_file(path);
    return true;
  } catch (const Error&) {
    return false;
  }
}

// An unknown checksum is that of every file.
bool is_file_with(const std::filesystem::path& path, const std::string& sha256) {
  try {
    return sha256.empty() || file_sha256(path, "model file") == sha256;
  } catch (const Error&) {
    return false;
  }
}

// The end of a finished run with the weights after `epoch` epochs.
RunEnd end_of(const Plan& plan, const TrainingResult& result, std::int64_t epoch, const Evaluation& test,
              const std::filesystem::path& model) {
  return {.outcome = Outcome::finished,
          .reason = result.epochs < plan.training.epochs ? "early stop" : "all epochs",
          .exit_code = has_lost_output() ? static_cast<int>(ErrorKind::data) : 0,
          .result = RunResult{result.epochs, epoch, test},
          .model = model};
}

// The page of a run without an evaluation, and its curves.
void write_page_of(const RunDirectory& run, const std::string& program) {
  write_run_files(run.path(), nullptr, {}, program);
}

// Writes the page of a finished run, and its pictures for TensorBoard. Returns the evaluation; nothing if a stop is
// requested meanwhile.
std::optional<StoredEvaluation> write_final_page(const Plan& plan, const TrainingData& data, Network& network,
                                                 const Recipe& recipe, const std::filesystem::path& run,
                                                 RunOutput& output, const std::function<bool()>& stop_requested,
                                                 const std::string& program) {
  EvaluationOptions options;
  options.compute = plan.training.compute;
  options.batch_size = plan.training.test_batch_size;
  options.limit_batches = plan.training.limit_batches;
  options.spread = plan.training.spread_test;
  options.inputs = plan.training.inputs;
  options.stop_requested = stop_requested;
  const std::int64_t images = data.test_batches().size();
  const bool on_part = evaluated_items(images, options).numel() < images;
  const std::string limited = on_part ? fmt::format(" (--limit-batches {})", options.limit_batches) : "";
  std::optional<PageEvaluation> evaluation;
  try {
    CountLine line(output.status(), "evaluating");
    options.progress = [&line](std::int64_t done, std::int64_t all) { line.count(done, all); };
    evaluation =
        evaluate_for_page(network, data.test_batches(), data.test, options, recipe,
                          fmt::format("{} images of {}{}", held_out_name(plan),
                                      data_name(recipe.training.dataset, plan.options.data.data_dir), limited));
    // The validation pictures; other data sets keep some of their training images for it.
    evaluation->fitted_here = recipe.temperature != 1 && plan.options.recipe.dataset == kFolder;
  } catch (const Stopped&) {
  }
  TensorBoardFile* const events = output.tensorboard();
  if (events != nullptr && evaluation) events->evaluation(*evaluation);
  write_run_files(run, evaluation ? &*evaluation : nullptr, model_facts(recipe, parameter_count(network)), program);
  const std::optional<RunSummary> summary = read_summary(run);
  if (!evaluation || !summary) return std::nullopt;
  return stored(*std::move(evaluation), summary->model_sha256, evaluated_items(data.test_batches().size(), options),
                data.test);
}

// The end of a run that an exception ends.
struct Failure {
  Outcome outcome;
  int exit_code;
};

Failure failure_of(const std::exception& failure) {
  const auto* const error = dynamic_cast<const Error*>(&failure);
  const auto is = [&](ErrorKind kind) { return error != nullptr && error->kind() == kind; };
  const auto* const elsewhere = dynamic_cast<const EndedElsewhere*>(&failure);
  const bool lost = is(ErrorKind::rank_lost) || elsewhere != nullptr;
  return {is(ErrorKind::diverged) ? Outcome::diverged
          : lost                  ? Outcome::interrupted
                                  : Outcome::failed,
          error != nullptr       ? error->exit_code()
          : elsewhere != nullptr ? elsewhere->exit_code()
                                 : static_cast<int>(ErrorKind::internal)};
}

bool keeps_best(const TrainOptions& options) {
  return options.recipe.keep_best == "on";
}

}  // namespace

void attempt(spdlog::logger& log, const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    log.warn("{}", error.what());
  }
}

void end_finished(const Plan& plan, const TrainingResult& result, const TrainingData& data, Network& network,
                  RunOutput& output, RunDirectory* directory, Stop& stop, const Context& context) {
  const auto stop_requested = [&stop] { return stop.requested(); };
  std::int64_t epochs = result.epochs;
  Evaluation test = result.test;
  if (keeps_best(plan.options)) {
    load_state_dict(network, result.best.network, "the best epoch");
    epochs = result.best.epoch;
    test = result.best.test;
  }
  if (plan.info.prints_phases) {
    output.mention(complete_line(result.seconds) + "\n");
    output.say(best_line(result.best.test) + "\n");
    output.mention(last_line(result.best.epoch, result.epochs, result.test, keeps_best(plan.options)) + "\n");
  }
  if (plan.options.dry_run) {
    output.say("Dry run: one training batch and one test batch; no model was written\n");
    if (directory != nullptr) attempt(context.log, [&] { directory->end(end_of(plan, result, epochs, test, "")); });
    return;
  }
  Recipe recipe = trained(recipe_of(plan, data), epochs, test);
  recipe.temperature = calibrate(plan, data, network, stop_requested, output.status(), context.log);
  save_output(plan.output, state_dict(network), recipe, plan.layout, plan.options.overwrite, directory->path(),
              context.log);
  stop.result_saved();
  output.say(fmt::format("Saved model: {}\n", plan.output.string()));
  output.mention(fmt::format("Use it: {} infer --model {} --image IMAGE\n", context.program,
                             quoted_for_shell(plan.output.string())));
  if (!output.has_stdout()) context.log.info("saved model: {}", quoted(plan.output));
  TensorBoardFile* const events = output.tensorboard();
  if (plan.info.draws_photos) {
    const std::filesystem::path picture = directory->path() / predictions_name(plan.info, plan.options.scenario);
    attempt(context.log, [&] {
      draw_predictions(picture, network, data.test, recipe.temperature, plan.training, plan.info);
      context.log.info("predictions: {}", picture.string());
      if (events != nullptr) events->picture("test/predictions", picture);
    });
  }
  // If the folder belongs to another run now, `end` throws, and its page is not touched.
  attempt(context.log, [&] {
    directory->end(end_of(plan, result, epochs, test, plan.output));
    const std::filesystem::path file = evaluation_path(directory->path());
    std::error_code ignored;
    std::filesystem::remove(file, ignored);  // of the run before it was continued
    const auto evaluation =
        write_final_page(plan, data, network, recipe, directory->path(), output, stop_requested, context.program);
    context.log.info("report: {}", page_path(directory->path()).string());
    if (evaluation) write_evaluation(file, *evaluation);
  });
  if (events != nullptr) events->end(/*success=*/true);
}

int end_stopped(const Plan& plan, const Stop& stop, const TrainingResult& result, const RunOutput& output,
                RunDirectory* directory, const Context& context) {
  const RunEnd end{.outcome = Outcome::interrupted,
                   .reason = stop.reason(),
                   .exit_code = stop.exit_code(),
                   .result = RunResult{result.epochs, result.epochs, result.test}};
  if (directory != nullptr) {
    attempt(context.log, [&] {
      directory->end(end);
      if (!plan.options.dry_run) write_page_of(*directory, context.program);
    });
  }
  if (directory == nullptr || plan.options.dry_run) {
    context.log.warn("stopped by {} before the end of the dry run", stop.reason());
    return stop.exit_code();
  }
  context.log.warn("stopped by {} after {} of {}; {} is not written", stop.reason(), result.epochs,
                   counted(plan.training.epochs, "epoch"), quoted(plan.output));
  const std::string run = quoted_for_shell(directory->path().string());
  if (output.last_checkpoint().empty()) {
    const bool older = !checkpoint_files(directory->checkpoints()).empty();
    context.log.error("no checkpoint could be written{}",
                      older ? fmt::format("; resume from the previous one: {} train --resume {}", context.program, run)
                            : ", and there is no older one");
  } else {
    context.log.warn("checkpoint {} written, {:.1f} s after {}; to resume: {} train --resume {}",
                     quoted(output.last_checkpoint()), stop.seconds(), stop.reason(), context.program, run);
  }
  return stop.exit_code();
}

void end_failed(RunDirectory& run, std::optional<RunOutput>& output, const std::exception& failure,
                const Context& context) {
  spdlog::logger& log = context.log;
  const Failure end = failure_of(failure);
  attempt(log, [&] {
    if (!output) return;
    TensorBoardFile* const events = output->tensorboard();
    if (events != nullptr && end.outcome != Outcome::interrupted) events->end(/*success=*/false);
    output->finish();
  });
  attempt(log, [&] {
    run.end(
        {.outcome = end.outcome, .reason = first_line(failure.what()), .is_error = true, .exit_code = end.exit_code});
    write_page_of(run, context.program);
  });
  const auto files = checkpoint_files(run.checkpoints());
  if (!files.empty()) log.info("the last good checkpoint: {}", quoted(files.front()));
  std::error_code ignored;
  if (std::filesystem::exists(run.best(), ignored)) log.info("the best weights so far: {}", quoted(run.best()));
}

Remaining remaining_work(const std::filesystem::path& run, const Checkpoint& checkpoint, const TrainCommand& command) {
  const std::optional<RunSummary> summary = read_summary(run);
  const TrainOptions& options = *command.options;
  const bool finished =
      summary && summary->outcome == Outcome::finished &&
      has_all_epochs(checkpoint.state.epoch, checkpoint.state.best, options.recipe.epochs, options.early_stop);
  if (!finished || !command.same_output) return Remaining::all;
  const std::filesystem::path output = output_path(options);
  std::error_code ignored;
  if (!std::filesystem::exists(output, ignored)) return Remaining::model;
  if (is_model_of(output, checkpoint, keeps_best(options))) return Remaining::nothing;
  const bool is_own = is_file_with(output, summary->model_sha256);  // the options have changed
  return is_own || options.overwrite || !is_model(output) ? Remaining::all : Remaining::replaced;
}

void tell_remaining(Remaining remaining, const std::filesystem::path& run, const Checkpoint& checkpoint,
                    const TrainOptions& options, spdlog::logger& log) {
  const std::string model = quoted(output_path(options));
  if (remaining == Remaining::model) {
    log.warn("the run in {} is finished, but its model {} is missing: it is written again", quoted(run), model);
  } else if (remaining == Remaining::replaced) {
    log.warn(
        "the run in {} is finished, but another model has replaced {}: that one is kept; to write the model of the "
        "run, use --output FILE or --overwrite",
        quoted(run), model);
  } else if (remaining == Remaining::nothing) {
    const bool all = checkpoint.state.epoch > options.recipe.epochs;
    log.info("the run in {} is finished: {}; to continue, use {}", quoted(run), model,
             all ? "a larger --epochs" : "--early-stop 0");
  }
}

}  // namespace mnist::cli
