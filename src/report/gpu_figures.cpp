#include "mnist/report/gpu_figures.hpp"

#include <fmt/format.h>

namespace mnist {

std::string gpu_text(const GpuFigures& gpu) {
  const auto gib = [](std::uint64_t bytes) { return static_cast<double>(bytes) / (1U << 30); };
  std::string text = gpu.utilization ? fmt::format("{} %, ", *gpu.utilization) : "";
  text += fmt::format("{:.1f} of {:.1f} GiB", gib(gpu.memory_used), gib(gpu.memory_total));
  if (gpu.temperature) text += fmt::format(", {} C", *gpu.temperature);
  if (gpu.power) text += fmt::format(", {:.0f} W", *gpu.power);
  return text;
}

nlohmann::ordered_json gpu_json(const GpuFigures& gpu) {
  const auto or_null = [](const auto& figure) { return figure ? nlohmann::ordered_json(*figure) : nullptr; };
  return {{"temperature_c", or_null(gpu.temperature)},
          {"utilization_pct", or_null(gpu.utilization)},
          {"power_w", or_null(gpu.power)},
          {"memory_used_mib", gpu.memory_used >> 20},
          {"memory_total_mib", gpu.memory_total >> 20}};
}

}  // namespace mnist
