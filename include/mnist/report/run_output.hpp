// All output of a run as one observer: lines on stdout, the progress line, and the files of the run directory: log,
// metrics, weights, checkpoints, page. For new and resumed runs, with a run directory or without (a dry run). It does
// not write the final model (--output).
//
// Failures do not end the run: they are logged, and the file is tried again next time. A removed run directory is
// created again with the next weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <spdlog/logger.h>

#include "mnist/core/background.hpp"
#include "mnist/core/file_system.hpp"
#include "mnist/core/log_file.hpp"
#include "mnist/core/recipe.hpp"
#include "mnist/core/status_line.hpp"
#include "mnist/device/gpu_monitor.hpp"
#include "mnist/format/model_file.hpp"
#include "mnist/report/checkpoints.hpp"
#include "mnist/report/epoch_log.hpp"
#include "mnist/report/metrics_files.hpp"
#include "mnist/report/progress.hpp"
#include "mnist/report/run_directory.hpp"
#include "mnist/report/tensorboard.hpp"
#include "mnist/train/checkpoint.hpp"
#include "mnist/train/loop.hpp"

namespace mnist {

// The Python program whose lines the run prints.
enum class LogStyle { reference, transfer };

// Number of the first epoch on stdout, on stderr and in log.txt, as in the lines of the Python program. Files for
// programs (metrics, checkpoints, manifest) count from 1.
std::int64_t first_epoch(LogStyle style);

struct RunOutputOptions {
  LogStyle style = LogStyle::reference;
  bool quiet = false;        // prints one line per epoch (`epoch_log.hpp`); log.txt has the lines of the style
  bool live = false;         // draws the figures of the run with the progress (`live.hpp`)
  bool keep_weights = true;  // writes last.pt, best.pt, checkpoints and the page; false for a dry run
  std::int64_t keep = 3;     // newest checkpoints
  // Where progress is drawn; lines on stdout erase it first.
  std::shared_ptr<StatusLine> status = std::make_shared<StatusLine>(nullptr);
  GpuReader gpu;  // figures of the GPU in use, if any
  Recipe recipe;  // of the weights, without training data
  PickleLayout layout = PickleLayout::state_dict;
  RunIdentity identity;
  std::function<void(const std::string&)> print;  // writes to stdout; throws on failure
  std::function<void()> write_page = {};  // report.html and the curves; called after each epoch, by another thread
  std::optional<std::vector<HyperParameter>> tensorboard = {};  // writes a file for TensorBoard with these options
};

// The recipe of weights after `epochs` epochs, as the last test found them.
Recipe trained(Recipe recipe, std::int64_t epochs, const Evaluation& test);

class RunOutput : public TrainingObserver {
 public:
  // `directory`: folder for files; nullptr: none. `continued`: the checkpoint to resume from; the files are truncated
  // to its state. Keeps references to `log`, `directory` and `files`. Uses `files` to write rows, weights and
  // checkpoints from two threads. Throws a data `Error` if a file cannot be created.
  RunOutput(RunOutputOptions options, RunDirectory* directory, const Checkpoint* continued, spdlog::logger& log,
            FileSystem& files = FileSystem::system());
  ~RunOutput() override;

  // Writes to stdout and log.txt; if the reader of stdout has exited, warns once.
  void say(const std::string& text);
  // The same, but not to stdout if the run is quiet.
  void mention(const std::string& text);
  bool has_stdout() const { return has_stdout_; }

  // The sink of log.txt; nullptr without a run directory.
  const std::shared_ptr<LogFile>& log_file() const { return log_file_; }

  void epoch_started(std::int64_t epoch, std::int64_t epochs) override;
  void batch_done(const BatchReport& report) override;
  void interval(const IntervalReport& report) override;
  void training_done(const TrainingReport& report) override;
  void testing(const TestingReport& report) override;
  void epoch_done(const EpochReport& report) override;
  void resumed(const TrainingState& state) override;
  void checkpoint(const TrainingState& state) override;

  // After `finish`: for the progress of what follows.
  StatusLine& status() { return *options_.status; }

  // The file for TensorBoard; nullptr if there is none.
  TensorBoardFile* tensorboard() { return tensorboard_.get(); }

  // Calls `work`, which writes a file of the run directory, in the writing thread; `finish` waits for it. If it throws,
  // warns, and calls it again later. It replaces a waiting job of the same name.
  void write_later(const std::string& name, std::function<void()> work);

  // Erases the progress line and returns when all files are written; failed ones are tried once more.
  void finish();

  // After `finish`: the checkpoint of the last state; empty if it could not be written.
  const std::filesystem::path& last_checkpoint() const { return written_; }

 private:
  bool keeps_weights() const { return directory_ != nullptr && options_.keep_weights; }
  void show(const std::string& text);
  void note(const RunResult& result);
  void write_weights(const std::filesystem::path& path, const NamedTensors& network, const Recipe& recipe);
  void try_again(const std::string& name);
  void write_or_keep(const std::string& name, const std::function<void()>& work);
  void write(const std::function<void()>& work);

  RunOutputOptions options_;
  RunDirectory* directory_;
  spdlog::logger& log_;
  FileSystem& files_;
  bool has_stdout_ = true;
  std::shared_ptr<LogFile> log_file_;
  std::optional<MetricsFiles> metrics_;
  std::unique_ptr<ProgressLine> progress_;
  std::unique_ptr<TrainingObserver> lines_;  // for stdout (if not quiet) and log.txt
  std::optional<EpochLog> quiet_lines_;      // for stdout, if quiet
  std::filesystem::path written_;
  std::map<std::string, std::function<void()>> failed_;  // failed jobs, by name
  // Declared last: its jobs use what is above.
  std::unique_ptr<TensorBoardFile> tensorboard_;
  Background background_{/*threaded=*/true};
};

}  // namespace mnist
