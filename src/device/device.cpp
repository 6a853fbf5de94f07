#include "mnist/device/device.hpp"

#include <charconv>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/mps.h>

#include "mnist/core/error.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/device/cuda_library.hpp"

namespace mnist {
namespace {

DeviceChoice cpu(std::string note = "") {
  return {c10::Device(c10::kCPU),
          fmt::format("cpu ({} thread{})", at::get_num_threads(), at::get_num_threads() == 1 ? "" : "s"),
          std::move(note)};
}

DeviceChoice mps() {
  return {c10::Device(c10::kMPS), "mps (Apple GPU)", ""};
}

DeviceChoice cuda(int index) {
  const std::string description = gpu_description(index);
  return {c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index)),
          description.empty() ? fmt::format("cuda:{}", index) : fmt::format("cuda:{} ({})", index, description), ""};
}

// The N of "cuda:N", or nothing where the name has another form.
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
    throw device_error("device 'mps' is not available: it is the GPU of Apple's own processors",
                       "use --device cpu or --device auto");
  }
  if (name == "auto") {
    const CudaStatus status = load_cuda();
    if (status.usable) return cuda(0);
    return torch::mps::is_available() ? mps() : cpu(status.reason);
  }
  const std::optional<int> index = name == "cuda" ? 0 : cuda_index(name);
  if (!index) {
    throw usage_error(fmt::format("there is no device '{}'", name),
                      name == "gpu" ? "did you mean 'cuda'?" : suggestion(name, device_names()));
  }
  const CudaStatus status = load_cuda();
  if (!status.usable) {
    throw device_error(fmt::format("device '{}' is not available: {}", name, status.reason), status.hint);
  }
  if (*index >= status.device_count) {
    throw device_error(
        fmt::format("device '{}' is not available: this process sees {} GPU{}", name, status.device_count,
                    status.device_count == 1 ? "" : "s"),
        fmt::format("the indices are 0 to {}; CUDA_VISIBLE_DEVICES may hide some", status.device_count - 1));
  }
  return cuda(*index);
}

}  // namespace mnist
