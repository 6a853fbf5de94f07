#include "mnist/report/run_output.hpp"

#include <cerrno>
#include <utility>

#include "mnist/core/error.hpp"
#include "mnist/core/file_system.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/logging.hpp"
#include "mnist/core/terminal.hpp"
#include "mnist/core/version.hpp"
#include "mnist/report/reference_log.hpp"
#include "mnist/report/run_record.hpp"
#include "mnist/report/transfer_log.hpp"

namespace mnist {
namespace {

constexpr const char* kLog = "log.txt";
constexpr const char* kCheckpoint = "checkpoint";  // name of the job: the newest replaces a waiting one

// A damaged file, for example after a power failure, must not prevent the run from continuing.
std::shared_ptr<LogFile> open_log(spdlog::logger& log, const std::filesystem::path& path) {
  try {
    return add_log_file(log, path);
  } catch (const Error& error) {
    if (std::error_code ignored; !std::filesystem::is_regular_file(path, ignored)) throw;
    const std::filesystem::path aside = unused_path(path.string() + ".damaged");
    log.warn("{}: it is renamed to {}", error.what(), quoted(aside.filename()));
    std::filesystem::rename(path, aside);
    return add_log_file(log, path);
  }
}

// The rows of a resumed run, for people: without them if they cannot be read.
RunRecord run_so_far(const RunDirectory& directory) {
  try {
    return read_run(directory.path());
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

std::int64_t first_epoch(LogStyle style) {
  return style == LogStyle::transfer ? 0 : 1;
}

Recipe trained(Recipe recipe, std::int64_t epochs, const Evaluation& test) {
  recipe.training.epochs = epochs;
  recipe.training.test_loss = test.loss;
  recipe.training.correct = test.correct;
  recipe.training.test_items = test.total;
  recipe.training.program = "mnist " + build_info().version;
  return recipe;
}

RunOutput::RunOutput(RunOutputOptions options, RunDirectory* directory, const Checkpoint* continued,
                     spdlog::logger& log, FileSystem& files)
    : options_(std::move(options)), directory_(directory), log_(log), files_(files) {
  const auto write = [this](const std::string& text) { mention(text); };
  if (options_.style == LogStyle::transfer) {
    lines_ = std::make_unique<TransferLog>(write);
  } else {
    lines_ = std::make_unique<ReferenceLog>(write);
  }
  if (options_.quiet) {
    quiet_lines_.emplace(first_epoch(options_.style), [this](const std::string& text) { show(text); });
  }
  if (options_.status->is_drawn_on()) {
    std::optional<LiveOptions> live;
    if (options_.live) {
      live = {.utf8 = is_utf8_locale(), .note = [this](const std::string& text) { log_.warn("{}", text); }};
    }
    progress_ = std::make_unique<ProgressLine>(*options_.status, first_epoch(options_.style), options_.gpu, live);
  }
  if (directory_ == nullptr) return;

  const std::map<std::string, std::uint64_t> none;
  const auto& sizes = continued != nullptr ? continued->file_sizes : none;
  log_file_ = open_log(log_, directory_->log());
  // Removes the lines after the checkpoint, or of a process that was killed before its first one.
  const auto log_size = sizes.find(kLog);
  const std::uintmax_t kept = log_size == sizes.end() ? 0 : log_size->second;
  if (kept < log_file_->size()) log_file_->truncate(kept);
  metrics_.emplace(directory_->path(), sizes, log_, options_.gpu, files_);
  if (!options_.keep_weights) return;
  remove_stale_temporaries(directory_->path());
  remove_stale_temporaries(directory_->checkpoints());
  if (continued != nullptr && progress_ && options_.live) progress_->restore(run_so_far(*directory_));
  if (!options_.tensorboard) return;
  TensorBoardFile::Start start{.parameters = *std::move(options_.tensorboard)};
  if (continued != nullptr) {
    start.steps = continued->state.all_steps;
    start.evaluating = continued->state.evaluating;
  }
  tensorboard_ = std::make_unique<TensorBoardFile>(directory_->path(), start, log_, background_, options_.gpu, files_);
}

RunOutput::~RunOutput() {
  finish();
}

void RunOutput::say(const std::string& text) {
  if (log_file_) log_line(*log_file_, text);
  show(text);
}

void RunOutput::mention(const std::string& text) {
  if (!options_.quiet) return say(text);
  if (log_file_) log_line(*log_file_, text);
}

void RunOutput::show(const std::string& text) {
  if (!has_stdout_) return;
  try {
    options_.status->interrupt([&] { options_.print(text); });
  } catch (const Error& error) {
    // The run is more important than its output: log and metrics continue.
    has_stdout_ = false;
    log_.warn("{}; training continues without it", error.what());
  }
}

void RunOutput::epoch_started(std::int64_t epoch, std::int64_t epochs) {
  lines_->epoch_started(epoch, epochs);
  if (progress_) progress_->epoch_started(epoch, epochs);
}

void RunOutput::batch_done(const BatchReport& report) {
  if (progress_) progress_->batch_done(report);
}

void RunOutput::interval(const IntervalReport& report) {
  lines_->interval(report);
  log_.debug("epoch {}, batch {}/{}: loss {:.4f}, lr {:.4g}, {:.0f} images/s",
             report.epoch - 1 + first_epoch(options_.style), report.batch + 1, report.batches, report.loss, report.lr,
             report.images_per_second);
  if (progress_) progress_->interval(report);
  if (metrics_) metrics_->interval(report);
  if (tensorboard_) tensorboard_->interval(report);
}

void RunOutput::testing(const TestingReport& report) {
  if (progress_) progress_->testing(report);
}

void RunOutput::training_done(const TrainingReport& report) {
  lines_->training_done(report);
  if (progress_) progress_->training_done(report);
}

void RunOutput::epoch_done(const EpochReport& report) {
  lines_->epoch_done(report);
  if (quiet_lines_) quiet_lines_->epoch_done(report);
  log_.debug("epoch {}: {:.1f} s of training, {:.1f} s of testing",
             report.train.epoch - 1 + first_epoch(options_.style), report.train.seconds, report.test_seconds);
  if (progress_) progress_->epoch_done(report);
  if (metrics_) metrics_->epoch_done(report);
  if (tensorboard_) tensorboard_->epoch_done(report);
  if (!keeps_weights()) return;
  // The weights first: the rest takes longer.
  const Recipe recipe = trained(options_.recipe, report.train.epoch, report.test);
  write_weights(directory_->last(), report.network, recipe);
  if (report.best) {
    write_weights(directory_->best(), report.network, recipe);
  } else {
    try_again(directory_->best().string());
  }
  note(RunResult{report.train.epoch, report.train.epoch, report.test});
  if (options_.write_page) write_later("report.html", options_.write_page);
}

void RunOutput::resumed(const TrainingState& state) {
  lines_->resumed(state);
  if (progress_) progress_->resumed(state);
  if (!keeps_weights() || state.best.epoch == 0) return;
  std::error_code ignored;
  const auto is_lost = [&](const std::filesystem::path& path) { return !std::filesystem::exists(path, ignored); };
  if (is_lost(directory_->best())) {
    write_weights(directory_->best(), state.best.network, trained(options_.recipe, state.best.epoch, state.best.test));
  }
  // In the middle of an epoch, the weights of the previous one are gone.
  if (state.step == 0 && is_lost(directory_->last())) {
    write_weights(directory_->last(), state.network, trained(options_.recipe, state.epoch - 1, state.test));
  }
}

void RunOutput::checkpoint(const TrainingState& state) {
  if (!keeps_weights()) return;
  Checkpoint checkpoint{.state = state,
                        .recipe = trained(options_.recipe, state.epoch - 1, state.test),
                        .identity = options_.identity,
                        .file_sizes = metrics_->sizes()};
  // Only weights at the end of an epoch are tested.
  if (state.step > 0) checkpoint.recipe = trained(options_.recipe, state.epoch - 1, {});
  checkpoint.file_sizes[kLog] = log_file_->size();
  write_later(kCheckpoint, [this, checkpoint = std::move(checkpoint)] {
    written_.clear();
    for (const auto& [name, size] : checkpoint.file_sizes) {
      const std::filesystem::path path = directory_->path() / name;
      if (!sync_file(files_, path)) throw file_error("write", path, errno);
    }
    if (tensorboard_) sync_file(files_, tensorboard_->path());  // a checkpoint does not need it
    written_ = keep_checkpoint(directory_->checkpoints(), checkpoint, options_.keep, files_);
  });
  // At the end of an epoch, `epoch_done` has done it.
  if (state.step > 0) note(RunResult{state.epoch - 1, state.epoch - 1, state.test});
}

void RunOutput::note(const RunResult& result) {
  write_later("manifest", [this, result] { directory_->note(result); });
}

void RunOutput::write_weights(const std::filesystem::path& path, const NamedTensors& network, const Recipe& recipe) {
  write_later(path.string(),
              [this, path, network, recipe] { write_model_file(path, network, recipe, options_.layout, files_); });
}

void RunOutput::write_later(const std::string& name, std::function<void()> work) {
  // Only the writing thread uses `failed_` until `finish` has waited for it.
  background_.post(name, [this, name, work = std::move(work)] { write_or_keep(name, work); });
}

void RunOutput::try_again(const std::string& name) {
  // With another name: it must not replace a newer waiting job.
  background_.post("again " + name, [this, name] {
    const auto failed = failed_.find(name);
    if (failed != failed_.end()) write_or_keep(name, std::function(failed->second));
  });
}

void RunOutput::write_or_keep(const std::string& name, const std::function<void()>& work) {
  try {
    write(work);
    failed_.erase(name);
  } catch (const std::exception& error) {
    log_.warn("{}; the run continues and tries again later", error.what());
    failed_[name] = work;
  }
}

// Checks the folder first: it may have been removed, or belong to another run.
void RunOutput::write(const std::function<void()>& work) {
  directory_->ensure();
  log_file_->renew();
  work();
}

void RunOutput::finish() {
  progress_.reset();
  background_.finish();
  for (const auto& [name, work] : std::exchange(failed_, {})) {
    try {
      write(work);
    } catch (const std::exception& error) {
      log_.warn("{}", error.what());
    }
  }
  if (metrics_) metrics_->finish();
  if (tensorboard_) tensorboard_->finish();
}

}  // namespace mnist
