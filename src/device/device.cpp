#include "mnist/device/device.hpp"

#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/mps.h>

#include "mnist/core/error.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/core/text.hpp"
#include "mnist/device/cuda_library.hpp"
#include "mnist/device/gpu_monitor.hpp"

namespace mnist {
namespace {

DeviceChoice cpu(std::string note = "", std::string no_gpu = "") {
  return {c10::Device(c10::kCPU), fmt::format("cpu ({})", counted(at::get_num_threads(), "thread")), std::move(note),
          std::move(no_gpu)};
}

DeviceChoice mps() {
  return {c10::Device(c10::kMPS), "mps (Apple GPU)", "", ""};
}

DeviceChoice cuda(int index) {
  const std::optional<GpuInfo> gpu = gpu_info(index);
  return {c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index)),
          gpu ? fmt::format("cuda:{} ({})", index, gpu_description(*gpu)) : fmt::format("cuda:{}", index), "", ""};
}

// The GPU with the most free memory, where this run and other programs disturb each other least.
DeviceChoice freest_gpu(int count) {
  std::string why;
  const std::unique_ptr<GpuMonitor> monitor = count > 1 ? GpuMonitor::open(why) : nullptr;
  int freest = 0;
  std::uint64_t most = 0;
  for (int index = 0; monitor != nullptr && index < count; ++index) {
    const std::optional<GpuInfo> gpu = gpu_info(index);
    const std::optional<GpuFigures> figures = gpu ? monitor->read(gpu->uuid) : std::nullopt;
    if (figures && figures->memory_free() > most) {
      most = figures->memory_free();
      freest = index;
    }
  }
  DeviceChoice choice = cuda(freest);
  if (most > 0) {
    choice.note = fmt::format("the one of {} GPUs with the most free memory, {:.1f} GiB", count,
                              static_cast<double>(most) / (1U << 30));
  } else if (count > 1) {
    choice.note = fmt::format("the first of {} GPUs: {}", count, why.empty() ? "their free memory is unknown" : why);
  }
  return choice;
}

// The N of "cuda:N"; nothing if the name has another form.
std::optional<int> cuda_index(std::string_view name) {
  constexpr std::string_view kPrefix = "cuda:";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  int index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc() || end != name.data() + name.size() || index < 0) return std::nullopt;
  return index;
}

}  // namespace

const std::vector<std::string>& device_names() {
  static const std::vector<std::string> names = {"auto", "cpu", "cuda", "cuda:N", "mps"};
  return names;
}

DeviceChoice select_device(const std::string& name) {
  if (name == "cpu") return cpu();
  if (name == "mps") {
    if (torch::mps::is_available()) return mps();
    throw device_error("device 'mps' is not available: it needs a Mac with an Apple GPU",
                       "use --device cpu or --device auto");
  }
  if (name == "auto") {
    const CudaStatus status = load_cuda();
    if (!status.usable && torch::mps::is_available()) {
      return cpu("the Apple GPU is used with --device mps only, which is not tested");
    }
    // Without a driver nobody expects a GPU; one that is there and not of use is told.
    if (!status.usable) return status.has_driver ? cpu(status.reason) : cpu("", status.reason);
    DeviceChoice choice = freest_gpu(status.device_count);
    const std::string why = why_gpu_is_unusable(choice.device.index());
    return why.empty() ? choice : cpu(why);
  }
  const std::optional<int> index = name == "cuda" ? 0 : cuda_index(name);
  if (!index) {
    throw usage_error(fmt::format("there is no device '{}'", name), suggestion(name, device_names()));
  }
  const CudaStatus status = load_cuda();
  if (!status.usable) {
    throw device_error(fmt::format("device '{}' is not available: {}", name, status.reason), status.hint);
  }
  if (*index >= status.device_count) {
    throw device_error(
        fmt::format("device '{}' is not available: this process sees {} GPU{}", name, status.device_count,
                    status.device_count == 1 ? "" : "s"),
        status.device_count == 1
            ? "its index is 0; CUDA_VISIBLE_DEVICES may hide others"
            : fmt::format("the indices are 0 to {}; CUDA_VISIBLE_DEVICES may hide some", status.device_count - 1));
  }
  if (const std::string why = why_gpu_is_unusable(*index); !why.empty()) {
    throw device_error(fmt::format("device '{}' is not available: {}", name, why),
                       "use another GPU or --device cpu; check the output of mnist info and nvidia-smi");
  }
  return cuda(*index);
}

}  // namespace mnist
