// All that a run shows and leaves behind, as one observer: lines on stdout, the progress line, and the files of the run
// directory: log, metrics, curves, weights, checkpoints. Fresh or continued, with a run directory or without (a dry
// run). The model that a run is made for (--output) is not its business.
//
// No run ends for one of these: what cannot be written is told to the log and tried again the next time. A run
// directory that is removed is made again with the next weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

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
#include "mnist/report/pictures.hpp"
#include "mnist/report/progress.hpp"
#include "mnist/report/run_directory.hpp"
#include "mnist/train/checkpoint.hpp"
#include "mnist/train/loop.hpp"

namespace mnist {

// Whose lines the run prints, for the readers of that program's logs.
enum class LogStyle { reference, transfer };

// What a run of this style calls its first epoch in all that is read together: stdout, stderr and log.txt. The lines
// decide, since log readers count on them. Files for programs (metrics, checkpoints, manifest) count from 1.
std::int64_t first_epoch(LogStyle style);

struct RunOutputOptions {
  LogStyle style = LogStyle::reference;
  bool quiet = false;  // on stdout a line for each epoch (`epoch_log.hpp`) instead; log.txt has those of the style
  bool keep_weights = true;  // writes last.pt, best.pt, the curves and checkpoints; not those of a dry run
  std::int64_t keep = 3;     // newest checkpoints
  // Where progress is drawn, and what lines on stdout take off the terminal first.
  std::shared_ptr<StatusLine> status = std::make_shared<StatusLine>(nullptr);
  GpuReader gpu;  // what the GPU in use is doing, if there is one
  Recipe recipe;  // of the weights, without how they were trained
  PickleLayout layout = PickleLayout::state_dict;
  RunIdentity identity;
  std::function<void(const std::string&)> print;  // to stdout; throws if that cannot be written
};

// The recipe of weights after `epochs` epochs, as the last test found them.
Recipe trained(Recipe recipe, std::int64_t epochs, const Evaluation& test);

class RunOutput : public TrainingObserver {
 public:
  // `directory`: where files go; nullptr: nowhere. `continued`: the checkpoint that the run continues from; its files
  // are cut back to that. Keeps references to `log`, `directory` and `files`; rows, weights and checkpoints are
  // written by the latter, from two threads. Throws a data `Error` if a file cannot be made.
  RunOutput(RunOutputOptions options, RunDirectory* directory, const Checkpoint* continued, spdlog::logger& log,
            FileSystem& files = FileSystem::system());
  ~RunOutput() override;

  // To stdout and log.txt; a reader that leaves is told to the log, once.
  void say(const std::string& text);
  // The same, but not to stdout where the run is quiet.
  void mention(const std::string& text);
  bool has_stdout() const { return has_stdout_; }

  // The file of log.txt; nullptr without a run directory.
  const std::shared_ptr<LogFile>& log_file() const { return log_file_; }

  void epoch_started(std::int64_t epoch, std::int64_t epochs) override;
  void batch_done(const BatchReport& report) override;
  void interval(const IntervalReport& report) override;
  void training_done(const TrainingReport& report) override;
  void epoch_done(const EpochReport& report) override;
  void resumed(const TrainingState& state) override;
  void checkpoint(const TrainingState& state) override;

  // Takes the progress line away and returns when all files are written; what could not be is tried once more.
  void finish();

  // After `finish`: the checkpoint of the last state that was handed out; empty if it could not be written.
  const std::filesystem::path& last_checkpoint() const { return written_; }

 private:
  void show(const std::string& text);
  void write_weights(const std::filesystem::path& path, const NamedTensors& network, const Recipe& recipe);
  void write_later(const std::string& name, std::function<void()> work);
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
  std::unique_ptr<TrainingObserver> lines_;  // on stdout, if it is not quiet, and in log.txt
  std::optional<EpochLog> quiet_lines_;      // on stdout, if it is
  std::filesystem::path written_;
  std::map<std::string, std::function<void()>> failed_;  // what could not be written, by name
  // Declared last: its jobs use what is above.
  std::unique_ptr<CurvesPicture> curves_;
  Background background_{/*threaded=*/true};
};

}  // namespace mnist
