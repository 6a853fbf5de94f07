// The run directory: everything a training run leaves behind, in one folder.
//
//   config.toml     the resolved options; `mnist train --config config.toml` repeats the run
//   manifest.json   command line, versions, git revision, host, device, times, how it ended and what it came to; a
//                   session for each process
//   log.txt         what was printed, with times
//   metrics.jsonl   one JSON object an interval and an epoch, for machines; the same run gives the same bytes
//   metrics.csv     the same rows, for spreadsheets
//   timing.jsonl    how long it took: the same rows, with what differs from run to run
//   last.pt         the weights after the last finished epoch (written while the next one is trained)
//   best.pt         the weights of the best epoch so far (likewise)
//   checkpoints/    from which the run continues: `checkpoints.hpp`
//   .lock           who writes here at the moment
//   training_statistics.png, test_grid.png, ..._predictions.png
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

// What stands in manifest.json besides what the program knows of itself.
struct RunDescription {
  std::string command_line;
  std::string config;  // TOML
  std::string arch;
  std::string dataset;
  std::string device;
  std::string precision;
  std::string kernels;  // the results' last bits depend on them: "avx512", ..., "libtorch"
  std::string libtorch;
  std::int64_t threads = 0;  // of each process
  std::int64_t ranks = 1;    // processes
  std::uint64_t seed = 0;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();  // of this process's work
};

// What a run has come to: how good which weights are.
struct RunResult {
  std::int64_t epochs = 0;  // finished
  std::int64_t epoch = 0;   // whose weights these figures are of, from 1
  Evaluation test;
};

enum class Outcome {
  running,  // or killed
  interrupted,
  finished,
  failed,
  diverged,
};

// How a session ended.
struct RunEnd {
  Outcome outcome = Outcome::failed;
  std::string reason = {};               // "all epochs", "early stop", "SIGTERM", "--stop-after", or the error
  bool is_error = false;                 // which stands in the manifest's outcome as well
  int exit_code = 0;                     // of the process
  std::optional<RunResult> result = {};  // nothing: as it was noted last
  std::filesystem::path model = {};      // that was written; empty: none
};

// Of a run, by its manifest.
struct RunSummary {
  std::filesystem::path path;
  std::string arch;
  Outcome outcome = Outcome::running;
  std::string last_started;  // UTC, of its last session
};

class RunDirectory {
 public:
  // Makes `runs`/<arch>-<n>, n one more than the largest that was ever used there, also if several runs start at once.
  // `command`: the command line, for the message to a second owner.
  static RunDirectory numbered(const std::filesystem::path& runs, const std::string& arch, const std::string& command);

  // Makes `path`, with the folders above it. Throws a usage `Error` if it exists and is not empty, so that nothing is
  // written over.
  static RunDirectory at(const std::filesystem::path& path, const std::string& command);
  // That it is empty or not there. Throws as `at` does, and a data `Error` if it is a run that a process is at work on.
  static void check(const std::filesystem::path& path);

  // One that is there. Throws a data `Error` if another process writes there.
  static RunDirectory existing(const std::filesystem::path& path, const std::string& command);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path log() const { return path_ / "log.txt"; }
  std::filesystem::path last() const { return path_ / "last.pt"; }
  std::filesystem::path best() const { return path_ / "best.pt"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }

  // Empty, or why nothing keeps a second process from writing here.
  const std::string& unguarded() const { return lock_.unguarded(); }

  // Makes the folder again if it was removed or moved, with its manifest, and takes its lock again if this does not
  // hold it any more. Before each writing, so that a new owner's files stay as they are. Throws a data `Error` if there
  // is one, or if the folder cannot be made.
  void ensure();

  // Writes config.toml and manifest.json, outcome "running", with the first session. Throws a data `Error`.
  void begin(const RunDescription& description);

  // Adds a session that continues at `step` of `epoch`, from what the run had come to there; the rest of the manifest
  // stays as it was begun.
  void resume(const RunDescription& description, std::int64_t epoch, std::int64_t step,
              const std::optional<RunResult>& result = std::nullopt);

  // Writes manifest.json with what the run has come to, and how long this session has taken so far: of a process that
  // is killed this is what is known. Throws a data `Error`.
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

// Nothing if there is no manifest, or one that cannot be read.
std::optional<RunSummary> read_summary(const std::filesystem::path& run);

// The run in `runs` that was started last of those that are not finished, have a checkpoint, and that no process works
// on; one that diverged would diverge again. `arch`: of this network only; empty: of any. Nothing if there is none.
std::optional<RunSummary> newest_unfinished(const std::filesystem::path& runs, const std::string& arch = "");

}  // namespace mnist
