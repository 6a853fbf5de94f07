// A run's figures as rows: metrics.jsonl and metrics.csv, what was learned, and timing.jsonl, how long that took. A row
// an interval ("train") and an epoch ("test"), each flushed, so that a killed run has its rows.
//
// The metrics are the same bytes whenever the same run is made, also if it was stopped and continued. What differs from
// time to time (seconds, images a second, the GPU's temperature) is in timing.jsonl alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include <spdlog/logger.h>

#include "mnist/core/file_system.hpp"
#include "mnist/device/gpu_monitor.hpp"
#include "mnist/report/row_file.hpp"
#include "mnist/train/observer.hpp"

namespace mnist {

class MetricsFiles : public TrainingObserver {
 public:
  // `sizes`: by file name, behind how many bytes to continue; what is not there begins anew. `gpu`: tells what the GPU
  // in use is doing. Throws a data `Error` if a file cannot be made; later failures are told to `log`.
  MetricsFiles(const std::filesystem::path& directory, const std::map<std::string, std::uint64_t>& sizes,
               spdlog::logger& log, GpuReader gpu = {}, FileSystem& files = FileSystem::system());

  void interval(const IntervalReport& report) override;
  void epoch_done(const EpochReport& report) override;

  // Of all rows so far, by file name.
  std::map<std::string, std::uint64_t> sizes() const;

  // Tries again what could not be written, for the last time.
  void finish();

 private:
  RowFile json_;
  RowFile csv_;
  RowFile timing_;
  GpuReader gpu_;
};

}  // namespace mnist
