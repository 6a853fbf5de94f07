// The output of `mnist info --watch`: the figures of all GPUs, repeatedly, as text or for cluster monitors.
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
// "utilization_pct", "power_w", "memory_used_mib", "memory_total_mib"}, ...]}; null if a GPU does not report it.
std::string sample_json(const GpuSample& sample);

// One line per GPU.
std::string sample_text(const GpuSample& sample);

// Prints a sample every `seconds` until the process ends. Throws a device `Error` if there is no driver.
void watch_gpus(double seconds, bool json);

}  // namespace mnist::cli
