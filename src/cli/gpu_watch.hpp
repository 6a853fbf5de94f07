// What `mnist info --watch` prints: the figures of all GPUs, again and again, for people and for cluster monitors.
#pragma once

#include <string>
#include <vector>

#include "mnist/device/gpu_monitor.hpp"

namespace mnist::cli {

struct GpuSample {
  std::string hostname;
  std::string driver;
  std::string time;  // UTC, ISO 8601
  std::vector<GpuFigures> gpus;
};

// One line of JSON: {"hostname", "driver", "time", "gpus": [{"index", "uuid", "name", "temperature_c",
// "utilization_pct", "power_w", "memory_used_mib", "memory_total_mib"}, ...]}; null where a GPU does not tell.
std::string sample_json(const GpuSample& sample);

// A line a GPU.
std::string sample_text(const GpuSample& sample);

// Prints a sample every so many seconds until the process is ended. Throws a device `Error` where there is no driver.
void watch_gpus(double seconds, bool json);

}  // namespace mnist::cli
