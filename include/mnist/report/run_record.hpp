// A run as its directory describes it, for lists, comparisons and pages: manifest.json, metrics.csv and timing.jsonl as
// values. Reading changes no file, and works while the run is active. To write the directory: `run_directory.hpp`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mnist/report/run_directory.hpp"

namespace mnist {

// One process of a run: it began the run or resumed it.
struct RunSession {
  std::string started;                    // UTC
  std::string finished;                   // UTC; empty: active or killed
  std::optional<double> seconds;          // unknown if it was killed before its first checkpoint
  std::string outcome;                    // as in the manifest: "finished", "failed: disk full"
  std::string reason;                     // "all epochs", "SIGTERM", ...; empty if unknown
  std::optional<std::int64_t> exit_code;  // of the process
  std::string command_line;
  std::string host;
  std::string device;
  std::int64_t from_epoch = 0;  // from 1; 0: it began the run
  std::int64_t from_step = 0;   // finished steps of that epoch
};

// The facts of manifest.json. Texts are empty and numbers missing if they are unknown.
struct RunManifest {
  Outcome outcome = Outcome::running;
  std::string outcome_text;  // as in the manifest
  std::string command_line;
  std::string started;            // UTC, of the first session
  std::optional<double> seconds;  // of all sessions
  std::string arch;
  std::string dataset;
  std::uint64_t seed = 0;
  std::string device;
  std::string precision;
  std::string kernels;
  std::string host;
  std::string cpu;
  std::string program;  // version of this program
  std::string git_revision;
  std::string compiler;
  std::string libtorch;
  std::int64_t ranks = 1;
  std::optional<RunResult> result;  // of the weights that the run gives; nothing before the first epoch
  std::filesystem::path model;      // the written file; empty: none
  std::string model_sha256;
  std::vector<RunSession> sessions;  // at least one
};

// A row "train" of metrics.csv: the last batch of an interval.
struct StepRow {
  std::int64_t epoch = 0;  // from 1
  std::int64_t step = 0;   // of the whole run, from 0
  double lr = 0;
  double loss = 0;
};

// A row "test" of metrics.csv, with its times.
struct EpochRow {
  std::int64_t epoch = 0;  // from 1
  double lr = 0;
  double train_loss = 0;
  double train_accuracy = 0;  // 0..1
  double test_loss = 0;
  double test_accuracy = 0;  // 0..1
  std::optional<double> train_seconds;
  std::optional<double> test_seconds;
  std::optional<double> images_per_second;  // of training
};

struct RunRecord {
  std::filesystem::path path;
  RunManifest manifest;
  bool active = false;         // a process works on it
  std::vector<StepRow> steps;  // empty if they were not asked for
  std::vector<EpochRow> epochs;

  // The epoch with the highest test accuracy, the first one of several; nullptr before the first epoch.
  const EpochRow* best() const;

  // "running", "interrupted" (also: killed), "finished", "failed" or "diverged".
  std::string state() const;
};

// Whether `path` has the manifest of a run.
bool is_run(const std::filesystem::path& path);

// Rows that cannot be read are missing, so that a damaged file does not hide the run. Throws a data `Error` if `path`
// is not a run directory or its manifest is damaged.
// `with_steps`: also the rows of intervals, which can be millions.
RunRecord read_run(const std::filesystem::path& path, bool with_steps = true);

}  // namespace mnist
