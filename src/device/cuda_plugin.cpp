#include "mnist/device/cuda_plugin.hpp"

#include <string_view>

#include <fmt/format.h>

#include "mnist/core/files.hpp"
#include "mnist/core/process.hpp"

#include "shared_library.hpp"

namespace mnist {
namespace {

constexpr const char* kFile = "libmnist_cuda.so";

const CudaPlugin* load_plugin(std::string& why) {
  const std::filesystem::path folder = executable_path().parent_path();
  for (const std::filesystem::path& path : {folder / kFile, folder / ".." / "lib" / "mnist" / kFile}) {
    if (std::error_code ignored; !std::filesystem::exists(path, ignored)) continue;
    void* const library = load_library(path.string(), why);
    if (library == nullptr) return nullptr;
    const auto version = reinterpret_cast<const char* (*)()>(symbol_of(library, "mnist_cuda_plugin_version"));
    const auto plugin = reinterpret_cast<const CudaPlugin* (*)()>(symbol_of(library, "mnist_cuda_plugin"));
    if (version == nullptr || plugin == nullptr || std::string_view(version()) != kCudaPluginVersion) {
      why = fmt::format("{} was built for another version of this program or of LibTorch", quoted(path));
      return nullptr;
    }
    return plugin();
  }
  why = fmt::format("there is no {} beside the program: it is built where the CUDA toolkit is", kFile);
  return nullptr;
}

}  // namespace

const CudaPlugin* cuda_plugin(std::string& why) {
  static std::string reason;
  static const CudaPlugin* const plugin = load_plugin(reason);
  why = reason;
  return plugin;
}

}  // namespace mnist
