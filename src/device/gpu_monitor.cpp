#include "mnist/device/gpu_monitor.hpp"

#include <array>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "mnist/device/cuda_library.hpp"

#include "shared_library.hpp"

namespace mnist {
namespace {

#if defined(_WIN32)
constexpr const char* kLibrary = "nvml.dll";
#else
constexpr const char* kLibrary = "libnvidia-ml.so.1";
#endif

constexpr int kSuccess = 0;

}  // namespace

// NVML's functions. Their ABI is stable (a suffix such as _v2 is its version), so building this program does not need
// NVML's header.
struct GpuMonitor::Functions {
  struct Memory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
  };
  struct Utilization {
    unsigned gpu;
    unsigned memory;
  };
  int (*init)() = nullptr;
  int (*driver_version)(char*, unsigned) = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*by_index)(unsigned, void**) = nullptr;
  int (*by_uuid)(const char*, void**) = nullptr;
  int (*name)(void*, char*, unsigned) = nullptr;
  int (*uuid)(void*, char*, unsigned) = nullptr;
  int (*index)(void*, unsigned*) = nullptr;
  int (*memory)(void*, Memory*) = nullptr;
  int (*temperature)(void*, int, unsigned*) = nullptr;
  int (*utilization)(void*, Utilization*) = nullptr;
  int (*power)(void*, unsigned*) = nullptr;  // milliwatts
};

std::unique_ptr<GpuMonitor> GpuMonitor::open(const std::string& library, std::string& why) {
  void* const handle = load_library(library, why);
  if (handle == nullptr) {
    why = fmt::format("the NVIDIA driver's {} does not load", library);
    return nullptr;
  }
  const auto functions = std::make_shared<Functions>();
  bool complete = true;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol_of(handle, name));
    complete = complete && function != nullptr;
  };
  find(functions->init, "nvmlInit_v2");
  find(functions->driver_version, "nvmlSystemGetDriverVersion");
  find(functions->count, "nvmlDeviceGetCount_v2");
  find(functions->by_index, "nvmlDeviceGetHandleByIndex_v2");
  find(functions->by_uuid, "nvmlDeviceGetHandleByUUID");
  find(functions->name, "nvmlDeviceGetName");
  find(functions->uuid, "nvmlDeviceGetUUID");
  find(functions->index, "nvmlDeviceGetIndex");
  find(functions->memory, "nvmlDeviceGetMemoryInfo");
  find(functions->temperature, "nvmlDeviceGetTemperature");
  find(functions->utilization, "nvmlDeviceGetUtilizationRates");
  find(functions->power, "nvmlDeviceGetPowerUsage");
  if (!complete) {
    why = fmt::format("{} is not NVIDIA's management library, or is too old", library);
    return nullptr;
  }
  if (const int error = functions->init(); error != kSuccess) {
    why = fmt::format("NVIDIA's management library does not start (NVML error {})", error);
    return nullptr;
  }
  return std::unique_ptr<GpuMonitor>(new GpuMonitor(functions));
}

std::unique_ptr<GpuMonitor> GpuMonitor::open(std::string& why) {
  return open(kLibrary, why);
}

std::string GpuMonitor::driver_version() const {
  std::array<char, 96> text = {};
  return functions_->driver_version(text.data(), static_cast<unsigned>(text.size())) == kSuccess ? text.data() : "";
}

std::vector<GpuFigures> GpuMonitor::read() const {
  std::vector<GpuFigures> gpus;
  unsigned count = 0;
  if (functions_->count(&count) != kSuccess) return gpus;
  for (unsigned index = 0; index < count; ++index) {
    void* device = nullptr;
    if (functions_->by_index(index, &device) != kSuccess) continue;
    if (auto figures = read(device, static_cast<int>(index))) gpus.push_back(std::move(*figures));
  }
  return gpus;
}

std::optional<GpuFigures> GpuMonitor::read(const std::string& uuid) const {
  void* device = nullptr;
  unsigned index = 0;
  if (functions_->by_uuid(uuid.c_str(), &device) != kSuccess || functions_->index(device, &index) != kSuccess) {
    return std::nullopt;
  }
  return read(device, static_cast<int>(index));
}

std::optional<GpuFigures> GpuMonitor::read(void* device, int index) const {
  std::array<char, 96> name = {};
  std::array<char, 96> uuid = {};
  Functions::Memory memory = {};
  if (functions_->name(device, name.data(), static_cast<unsigned>(name.size())) != kSuccess ||
      functions_->uuid(device, uuid.data(), static_cast<unsigned>(uuid.size())) != kSuccess ||
      functions_->memory(device, &memory) != kSuccess) {
    return std::nullopt;
  }
  GpuFigures gpu = {.index = index,
                    .uuid = uuid.data(),
                    .name = name.data(),
                    .memory_total = memory.total,
                    .memory_used = memory.used};
  unsigned value = 0;
  constexpr int kChip = 0;
  if (functions_->temperature(device, kChip, &value) == kSuccess) gpu.temperature = static_cast<int>(value);
  if (Functions::Utilization rates = {}; functions_->utilization(device, &rates) == kSuccess) {
    gpu.utilization = static_cast<int>(rates.gpu);
  }
  if (functions_->power(device, &value) == kSuccess) gpu.power = value / 1000.0;
  return gpu;
}

GpuReader watch_gpu(int cuda_index) {
  const std::optional<GpuInfo> gpu = gpu_info(cuda_index);
  std::string why;
  const std::shared_ptr<GpuMonitor> monitor = gpu ? GpuMonitor::open(why) : nullptr;
  if (monitor == nullptr) return {};
  return [monitor, uuid = gpu->uuid] { return monitor->read(uuid); };
}

}  // namespace mnist
