// The run directory: everything a training run leaves behind, in one folder.
//
//   config.toml     the resolved options; `mnist train --config config.toml` repeats the run
//   manifest.json   command line, versions, git revision, host, device, times, how it ended
//   log.txt         what was printed, with times
//   metrics.jsonl   one JSON object an interval and an epoch, for machines
//   metrics.csv     the same rows, for spreadsheets
//   last.pt         the weights after the last finished epoch (on a GPU written while the next one is trained)
//   best.pt         transfer learning: the weights of the best epoch so far (likewise)
//   training_statistics.png, test_grid.png, ..._predictions.png
//   interrupted.pt  the weights at the moment a signal stopped the run
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>

#include "mnist/device/gpu_monitor.hpp"
#include "mnist/train/observer.hpp"

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
  int threads = 0;
  std::uint64_t seed = 0;
};

class RunDirectory {
 public:
  // Makes `runs`/<arch>-<n> with the smallest n >= 1 that is free, also when several runs start at once.
  static RunDirectory numbered(const std::filesystem::path& runs, const std::string& arch);

  // Makes exactly `path`. Throws a usage `Error` where it exists and is not empty, so that nothing is written
  // over.
  static void check(const std::filesystem::path& path);  // that it is empty or not there; throws as `at` does
  static RunDirectory at(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path log() const { return path_ / "log.txt"; }
  std::filesystem::path last() const { return path_ / "last.pt"; }
  std::filesystem::path best() const { return path_ / "best.pt"; }
  std::filesystem::path interrupted() const { return path_ / "interrupted.pt"; }

  // Writes config.toml and manifest.json, outcome "running". Throws a data `Error` as below.
  void begin(const RunDescription& description);

  // Completes manifest.json: "finished", "interrupted", "failed: ...".
  void end(const std::string& outcome) const;

 private:
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}

  std::filesystem::path path_;
  std::string manifest_;  // JSON text as begun
};

// metrics.jsonl and metrics.csv in `directory`: a row an interval ("train") and an epoch ("test"), each flushed, so
// that a killed run has its rows. Throws a data `Error` where a row cannot be written (full disk).
class MetricsFiles : public TrainingObserver {
 public:
  // `gpu`: tells what the GPU in use is doing; goes into the rows of metrics.jsonl as "gpu".
  explicit MetricsFiles(const std::filesystem::path& directory, GpuReader gpu = {});
  ~MetricsFiles() override;
  MetricsFiles(const MetricsFiles&) = delete;
  MetricsFiles& operator=(const MetricsFiles&) = delete;

  void interval(const IntervalReport& report) override;
  void epoch_done(const EpochReport& report) override;

 private:
  void write(const std::string& json, const std::string& csv);

  std::filesystem::path directory_;
  GpuReader gpu_;
  std::FILE* json_ = nullptr;
  std::FILE* csv_ = nullptr;
};

}  // namespace mnist
