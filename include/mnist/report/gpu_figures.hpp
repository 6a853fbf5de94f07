// A GPU's figures as people and as programs read them.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "mnist/device/gpu_monitor.hpp"

namespace mnist {

// "87 %, 1.0 of 79.6 GiB, 54 C, 210 W", without what the GPU does not tell.
std::string gpu_text(const GpuFigures& gpu);

// {"temperature_c", "utilization_pct", "power_w", "memory_used_mib", "memory_total_mib"}; null where it does not tell.
nlohmann::ordered_json gpu_json(const GpuFigures& gpu);

}  // namespace mnist
