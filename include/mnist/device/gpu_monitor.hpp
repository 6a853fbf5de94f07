// Memory, load, temperature and power of GPUs, from NVIDIA's management library (NVML), which is loaded at run time if
// it is present. Needs neither CUDA nor LibTorch's CUDA library, and does not load the GPU.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mnist {

struct GpuFigures {
  int index = 0;  // NVML's: counts all GPUs of the machine in bus order, independent of CUDA_VISIBLE_DEVICES
  std::string uuid;
  std::string name;
  std::uint64_t memory_total = 0;  // bytes
  std::uint64_t memory_used = 0;
  // Empty if the GPU does not report the value.
  std::optional<int> temperature;  // degrees Celsius
  std::optional<int> utilization;  // percent of the last sample period in which a kernel ran
  std::optional<double> power;     // watts

  std::uint64_t memory_free() const { return memory_total - memory_used; }
};

class GpuMonitor {
 public:
  // `library`: a name or path for the dynamic loader. Returns nullptr if it does not load or work; `why` then gives the
  // reason, one sentence without full stop.
  static std::unique_ptr<GpuMonitor> open(const std::string& library, std::string& why);

  // The same with this platform's library.
  static std::unique_ptr<GpuMonitor> open(std::string& why);

  std::string driver_version() const;

  // All GPUs that answer.
  std::vector<GpuFigures> read() const;

  // The GPU with this UUID ("GPU-..."), or nothing.
  std::optional<GpuFigures> read(const std::string& uuid) const;

 private:
  struct Functions;
  explicit GpuMonitor(std::shared_ptr<const Functions> functions) : functions_(std::move(functions)) {}
  std::optional<GpuFigures> read(void* device, int index) const;

  std::shared_ptr<const Functions> functions_;
};

// Reads the figures of one GPU. An empty function, or an empty result, means that nothing can be read.
using GpuReader = std::function<std::optional<GpuFigures>()>;

// A reader for GPU `cuda_index` of this process (`gpu_info`); empty if the GPU cannot be monitored.
GpuReader watch_gpu(int cuda_index);

}  // namespace mnist
