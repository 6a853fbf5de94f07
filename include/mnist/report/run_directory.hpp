// The run directory: all files of a training run in one folder.
//
//   config.toml     the resolved options; `mnist train --config config.toml` repeats the run
//   manifest.json   command line, versions, git revision, host, device, times, how it ended, its results; a session
//                   for each process
//   log.txt         the printed lines, with times
//   metrics.jsonl   one JSON object per interval and epoch, for programs; the same run gives the same bytes
//   metrics.csv     the same rows, for spreadsheets
//   timing.jsonl    speed: the same rows, with the figures that vary from run to run
//   last.pt         the weights after the last finished epoch (written while the next one is trained)
//   best.pt         the weights of the best epoch so far (likewise)
//   evaluation.json what the model predicted, at the end of a finished run: `evaluation_file.hpp`
//   report.html     the run as one page, written after every epoch and at the end (`page.hpp`)
//   events.out.tfevents.*  for TensorBoard, if it is wanted: `tensorboard.hpp`
//   checkpoints/    to resume the run from: `checkpoints.hpp`
//   .lock           the process that writes here
//   training_statistics.png, training_batch.png or test_grid.png, ..._predictions.png
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mnist/core/folder_lock.hpp"
#include "mnist/train/evaluate.hpp"

namespace mnist {

// The content of manifest.json that the caller gives.
struct RunDescription {
  std::string command_line;
  std::string config;  // TOML
  std::string arch;
  std::string dataset;
  std::string device;
  std::string precision;
  std::string kernels;  // the last bits of the results depend on them: "avx512", ..., "libtorch"
  std::string libtorch;
  std::int64_t threads = 0;  // of each process
  std::int64_t ranks = 1;    // processes
  std::uint64_t seed = 0;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();  // of this process's work
};

// The result of a run: the figures of its weights.
struct RunResult {
  std::int64_t epochs = 0;  // finished
  std::int64_t epoch = 0;   // epoch of these weights, from 1
  Evaluation test;
};

enum class Outcome {
  running,  // or killed
  interrupted,
  finished,
  failed,
  diverged,
};

// The outcome at the beginning of a text as in the manifest: "failed: disk full". Throws `std::out_of_range` for
// another text.
Outcome outcome_from_text(const std::string& text);

// How a session ended.
struct RunEnd {
  Outcome outcome = Outcome::failed;
  std::string reason = {};               // "all epochs", "early stop", "SIGTERM", "--stop-after", or the error
  bool is_error = false;                 // the manifest's outcome then contains the reason, too
  int exit_code = 0;                     // of the process
  std::optional<RunResult> result = {};  // nothing: the last noted one
  std::filesystem::path model = {};      // the written file; empty: none
};

// Summary of a run, from its manifest.
struct RunSummary {
  std::filesystem::path path;
  std::string arch;
  Outcome outcome = Outcome::running;
  std::string last_started;  // UTC, start of its last session
  std::string model_sha256;  // of the model that a finished run wrote; empty: none
};

class RunDirectory {
 public:
  // Creates `runs`/<arch>-<n>; n is one more than the largest number ever used there, also if several runs start at
  // once. `command`: the command line, for the error message of a second process.
  static RunDirectory numbered(const std::filesystem::path& runs, const std::string& arch, const std::string& command);

  // Creates `path` and its parent folders. Throws a usage `Error` if it exists and is not empty, so that no file is
  // overwritten.
  static RunDirectory at(const std::filesystem::path& path, const std::string& command);
  // Checks that `path` is empty or missing. Throws as `at` does, and a data `Error` if it is an active run.
  static void check(const std::filesystem::path& path);

  // Opens an existing one. Throws a data `Error` if another process uses it.
  static RunDirectory existing(const std::filesystem::path& path, const std::string& command);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path log() const { return path_ / "log.txt"; }
  std::filesystem::path last() const { return path_ / "last.pt"; }
  std::filesystem::path best() const { return path_ / "best.pt"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }

  // Empty, or why the folder cannot be locked against a second process.
  const std::string& unguarded() const { return lock_.unguarded(); }

  // Creates the folder and its manifest again if it was removed or moved, and locks it again if the lock was lost. Call
  // this before writing, so that the files of a new owner are not changed. Throws a data `Error` if there is a new
  // owner, or if the folder cannot be created.
  void ensure();

  // Writes config.toml and manifest.json, outcome "running", with the first session. Throws a data `Error`.
  void begin(const RunDescription& description);

  // Adds a session that resumes at `step` of `epoch` with the run's result so far; the rest of the manifest stays
  // unchanged.
  void resume(const RunDescription& description, std::int64_t epoch, std::int64_t step,
              const std::optional<RunResult>& result = std::nullopt);

  // Writes the result and the duration so far to manifest.json, so that they are known if the process is killed. Throws
  // a data `Error`.
  void note(const RunResult& result);

  // Completes manifest.json. Throws as `ensure` does.
  void end(const RunEnd& end);

 private:
  RunDirectory(std::filesystem::path path, std::string command);
  void write_manifest() const;

  std::filesystem::path path_;
  std::string command_;
  FolderLock lock_;
  std::string manifest_;                         // JSON text
  std::chrono::steady_clock::time_point start_;  // of this session
};

// Nothing if the manifest is missing or unreadable.
std::optional<RunSummary> read_summary(const std::filesystem::path& run);

// The run in `runs` that started last, of those that are not finished, not diverged and not active, and have a
// checkpoint. A diverged run would diverge again. `arch`: only runs of this network; empty: any. Nothing if there is
// none.
std::optional<RunSummary> newest_unfinished(const std::filesystem::path& runs, const std::string& arch = "");

}  // namespace mnist
