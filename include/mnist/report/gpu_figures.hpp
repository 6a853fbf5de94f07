// A GPU's figures as text and as JSON.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "mnist/device/gpu_monitor.hpp"

namespace mnist {

// "87 %, 1.0 of 79.6 GiB, 54 C, 210 W", without figures that the GPU does not report.
std::string gpu_text(const GpuFigures& gpu);

// {"temperature_c", "utilization_pct", "power_w", "memory_used_mib", "memory_total_mib"}; null if not reported.
nlohmann::ordered_json gpu_json(const GpuFigures& gpu);

}  // namespace mnist
