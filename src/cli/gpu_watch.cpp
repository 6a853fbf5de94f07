#include "gpu_watch.hpp"

#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "mnist/core/error.hpp"
#include "mnist/core/process.hpp"
#include "mnist/report/gpu_figures.hpp"

#include "print.hpp"

namespace mnist::cli {

std::string sample_json(const GpuSample& sample) {
  nlohmann::ordered_json gpus = nlohmann::ordered_json::array();
  for (const GpuFigures& gpu : sample.gpus) {
    nlohmann::ordered_json json = {{"index", gpu.index}, {"uuid", gpu.uuid}, {"name", gpu.name}};
    json.update(gpu_json(gpu));
    gpus.push_back(std::move(json));
  }
  const nlohmann::ordered_json json = {
      {"hostname", sample.hostname}, {"driver", sample.driver}, {"time", sample.time}, {"gpus", std::move(gpus)}};
  return json.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string sample_text(const GpuSample& sample) {
  std::string text;
  for (const GpuFigures& gpu : sample.gpus) {
    text += fmt::format("{}  {}  GPU {} {}: {}\n", sample.time, sample.hostname, gpu.index, gpu.name, gpu_text(gpu));
  }
  return text;
}

void watch_gpus(double seconds, bool json) {
  std::string why;
  const std::unique_ptr<GpuMonitor> monitor = GpuMonitor::open(why);
  if (monitor == nullptr) {
    throw device_error(fmt::format("there is no GPU to watch: {}", why),
                       "run it on a machine with an NVIDIA GPU and its driver");
  }
  for (auto next = std::chrono::steady_clock::now();; std::this_thread::sleep_until(next)) {
    const GpuSample sample = {host_name(), monitor->driver_version(), utc_time(), monitor->read()};
    if (sample.gpus.empty()) {
      throw device_error("there is no GPU to watch: the driver lists none", "check the output of nvidia-smi");
    }
    print(json ? sample_json(sample) : sample_text(sample));
    next += std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
  }
}

}  // namespace mnist::cli
