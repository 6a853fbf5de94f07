// A run's figures as rows: metrics.jsonl and metrics.csv (loss, accuracy) and timing.jsonl (speed). One row per
// interval ("train") and epoch ("test"), each flushed, so that a killed run keeps its rows.
//
// The same run gives metrics with the same bytes, even if it was stopped and resumed. Figures that vary (seconds,
// images per second, the GPU's temperature) are in timing.jsonl only.
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
  // `sizes`: by file name, the number of bytes after which to continue; a file without a size starts empty. `gpu`:
  // returns the figures of the GPU in use. Throws a data `Error` if a file cannot be created; later failures go to
  // `log`.
  MetricsFiles(const std::filesystem::path& directory, const std::map<std::string, std::uint64_t>& sizes,
               spdlog::logger& log, GpuReader gpu = {}, FileSystem& files = FileSystem::system());

  void interval(const IntervalReport& report) override;
  void epoch_done(const EpochReport& report) override;

  // Sizes including all rows so far, by file name.
  std::map<std::string, std::uint64_t> sizes() const;

  // Tries for the last time to write what could not be written.
  void finish();

 private:
  RowFile json_;
  RowFile csv_;
  RowFile timing_;
  GpuReader gpu_;
};

}  // namespace mnist
