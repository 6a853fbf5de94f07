// What a GPU is doing, as its driver's management library (NVML) tells it: loaded at run time, and nothing where it is
// not there. Needs neither CUDA nor the CUDA half of LibTorch, and costs the GPU nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace mnist {

struct GpuFigures {
  int index = 0;  // NVML's: all GPUs of the machine in the order of the bus, whatever CUDA_VISIBLE_DEVICES says
  std::string uuid;
  std::string name;
  std::uint64_t memory_total = 0;  // bytes
  std::uint64_t memory_used = 0;
  // Nothing where the GPU does not tell.
  std::optional<int> temperature;  // degrees Celsius
  std::optional<int> utilization;  // percent of the last moments in which something ran
  std::optional<double> power;     // watts

  std::uint64_t memory_free() const { return memory_total - memory_used; }
};

class GpuMonitor {
 public:
  // `library`: a name or path for the dynamic loader. nullptr where it does not load or work; why, one sentence without
  // full stop, is in `why`.
  static std::unique_ptr<GpuMonitor> open(const std::string& library, std::string& why);

  // The same with this platform's library.
  static std::unique_ptr<GpuMonitor> open(std::string& why);

  std::string driver_version() const;

  // All GPUs that tell of themselves.
  std::vector<GpuFigures> read() const;

  // The GPU with this UUID ("GPU-..."), or nothing.
  std::optional<GpuFigures> read(const std::string& uuid) const;

 private:
  struct Functions;
  explicit GpuMonitor(std::shared_ptr<const Functions> functions) : functions_(std::move(functions)) {}
  std::optional<GpuFigures> read(void* device, int index) const;

  std::shared_ptr<const Functions> functions_;
};

// Reads the figures of one GPU; empty, or giving nothing, where there is nothing to read.
using GpuReader = std::function<std::optional<GpuFigures>()>;

// For GPU `cuda_index` of this process (`gpu_info`); empty where it cannot be watched.
GpuReader watch_gpu(int cuda_index);

}  // namespace mnist
