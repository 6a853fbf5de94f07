#include "mnist/device/cuda_plugin.hpp"

#include <string_view>

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <fmt/format.h>

#include "mnist/core/files.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/text.hpp"

#include "shared_library.hpp"

namespace mnist {
namespace {

constexpr const char* kFile = "libmnist_cuda.so";

const CudaPlugin* load_plugin(const c10::Device& device, std::string& why) {
  const std::filesystem::path path = cuda_plugin_file();
  if (path.empty()) {
    why = fmt::format("there is no {} in the program's folder; to build it, install the CUDA toolkit", kFile);
    return nullptr;
  }
  void* const library = load_library(path.string(), why);
  if (library == nullptr) return nullptr;
  const auto version = reinterpret_cast<const char* (*)()>(symbol_of(library, "mnist_cuda_plugin_version"));
  const auto plugin = reinterpret_cast<const CudaPlugin* (*)()>(symbol_of(library, "mnist_cuda_plugin"));
  if (version == nullptr || plugin == nullptr || std::string_view(version()) != kCudaPluginVersion) {
    why = fmt::format("{} was built for another version of this program or of LibTorch", quoted(path));
    return nullptr;
  }
  try {
    // If this GPU or driver does not accept a kernel, it fails here and not in the first step.
    const c10::DeviceGuard guard(device);
    torch::Tensor clock = at::zeros({2}, at::TensorOptions(device).dtype(at::kLong));
    plugin()->advance(clock);
    if (clock[1].item<std::int64_t>() == 1) return plugin();
    why = fmt::format("{} does not compute on this GPU", quoted(path));
  } catch (const c10::Error& error) {
    why = fmt::format("{} does not run on this GPU: {}", quoted(path), first_line(error.what_without_backtrace()));
  }
  return nullptr;
}

}  // namespace

std::filesystem::path cuda_plugin_file() {
  const std::filesystem::path folder = executable_path().parent_path();
  for (const std::filesystem::path& path : {folder / kFile, folder / ".." / "lib" / "mnist" / kFile}) {
    if (std::error_code ignored; std::filesystem::exists(path, ignored)) return path;
  }
  return {};
}

const CudaPlugin* cuda_plugin(const c10::Device& device, std::string& why) {
  static std::string reason;
  static const CudaPlugin* const plugin = load_plugin(device, reason);
  why = reason;
  return plugin;
}

}  // namespace mnist
