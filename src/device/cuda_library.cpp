#include "mnist/device/cuda_library.hpp"

#include <array>
#include <cstdint>
#include <exception>
#include <string_view>

#include <ATen/ATen.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"

#include "shared_library.hpp"

namespace mnist {
namespace {

#if defined(_WIN32)
constexpr const char* kDriver = "nvcuda.dll";
constexpr const char* kCudaLibrary = "torch_cuda.dll";
#else
constexpr const char* kDriver = "libcuda.so.1";
constexpr const char* kCudaLibrary = "libtorch_cuda.so";
#endif

constexpr const char* kNoGpuHint =
    "use --device cpu; or install NVIDIA's driver, give the container access to the GPU (--gpus all, --nv), or request "
    "a "
    "GPU for the cluster job";

// Captures the warning that LibTorch would write to stderr.
class KeptWarning : public c10::WarningHandler {
 public:
  void process(const c10::Warning& warning) override { text_ = first_line(warning.msg()); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

std::filesystem::path cuda_library_path() {
  return library_of(reinterpret_cast<const void*>(&torch::cuda::is_available)).parent_path() / kCudaLibrary;
}

CudaStatus load_cuda(const std::string& driver_library, const std::filesystem::path& cuda_library) {
  if (std::string why; !load_library(driver_library, why)) {
    return {false, fmt::format("no NVIDIA driver was found ({} does not load)", driver_library), kNoGpuHint};
  }
  if (std::error_code ignored; !std::filesystem::exists(cuda_library, ignored)) {
    return {false, fmt::format("this LibTorch has no CUDA library ({} is missing)", quoted(cuda_library)),
            "build against a CUDA build of LibTorch: scripts/run train-gpu or pixi run train-gpu install one", 0, true};
  }
  if (std::string why; !load_library(cuda_library.string(), why)) {
    return {
        false, fmt::format("LibTorch's CUDA library does not load: {}", why),
        "the named library belongs to CUDA or cuDNN; scripts/run train-gpu installs the set that fits this LibTorch", 0,
        true};
  }
  // "CUDA initialization: The NVIDIA driver on your system is too old ..."
  KeptWarning warning;
  const c10::WarningUtils::WarningHandlerGuard guard(&warning);
  // LibTorch's device count has one byte.
  const auto count = static_cast<int>(static_cast<unsigned char>(torch::cuda::device_count()));
  if (count == 0) {
    return {false,
            warning.text().empty() ? "CUDA is installed, but finds no GPU"
                                   : fmt::format("CUDA is installed, but finds no GPU: {}", warning.text()),
            "check the output of nvidia-smi, and whether CUDA_VISIBLE_DEVICES hides the GPU", 0, true};
  }
  return {true, "", "", count, true};
}

CudaStatus load_cuda() {
#if defined(__APPLE__)
  return {false, "there is no CUDA on macOS", "use --device mps or --device cpu"};
#else
  static const CudaStatus status = load_cuda(kDriver, cuda_library_path());
  return status;
#endif
}

std::optional<GpuInfo> gpu_info(int index) {
  // Uses the driver API, whose ABI is stable, so that building this program does not need CUDA's headers.
  std::string why;
  void* driver = load_library(kDriver, why);
  if (driver == nullptr) return std::nullopt;
  const auto initialise = reinterpret_cast<int (*)(unsigned)>(symbol_of(driver, "cuInit"));
  const auto get_device = reinterpret_cast<int (*)(int*, int)>(symbol_of(driver, "cuDeviceGet"));
  const auto get_name = reinterpret_cast<int (*)(char*, int, int)>(symbol_of(driver, "cuDeviceGetName"));
  const auto get_uuid = reinterpret_cast<int (*)(unsigned char*, int)>(symbol_of(driver, "cuDeviceGetUuid"));
  const auto get_memory = reinterpret_cast<int (*)(std::size_t*, int)>(symbol_of(driver, "cuDeviceTotalMem_v2"));
  const auto get_attribute = reinterpret_cast<int (*)(int*, int, int)>(symbol_of(driver, "cuDeviceGetAttribute"));
  if (!initialise || !get_device || !get_name || !get_uuid || !get_memory || !get_attribute) return std::nullopt;

  constexpr int kComputeCapabilityMajor = 75;
  constexpr int kComputeCapabilityMinor = 76;
  int device = 0;
  std::size_t bytes = 0;
  char name[256] = "";
  std::array<unsigned char, 16> uuid = {};
  GpuInfo gpu;
  if (initialise(0) != 0 || get_device(&device, index) != 0 || get_name(name, sizeof name, device) != 0 ||
      get_uuid(uuid.data(), device) != 0 || get_memory(&bytes, device) != 0 ||
      get_attribute(&gpu.major, kComputeCapabilityMajor, device) != 0 ||
      get_attribute(&gpu.minor, kComputeCapabilityMinor, device) != 0) {
    return std::nullopt;
  }
  gpu.name = name;
  gpu.memory = bytes;
  gpu.uuid = "GPU-";
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) gpu.uuid += '-';
    gpu.uuid += fmt::format("{:02x}", uuid[i]);
  }
  return gpu;
}

std::string gpu_description(const GpuInfo& gpu) {
  return fmt::format("{}, {:.1f} GiB, compute capability {}.{}", gpu.name, static_cast<double>(gpu.memory) / (1U << 30),
                     gpu.major, gpu.minor);
}

CudaVersions cuda_versions() {
  const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
  CudaVersions versions;
  if (const long runtime = hooks.versionCUDART(); runtime > 0) {
    versions.runtime = fmt::format("{}.{}", runtime / 1000, runtime % 1000 / 10);
  }
  if (hooks.compiledWithCuDNN()) {
    const long cudnn = hooks.versionCuDNN();
    versions.cudnn = fmt::format("{}.{}.{}", cudnn / 10000, cudnn % 10000 / 100, cudnn % 100);
  }
  return versions;
}

std::string why_gpu_is_unusable(int index) {
  try {
    const c10::Device device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
    if (at::ones({1}, device).add_(1).item<float>() == 2) return "";
    return fmt::format("GPU {} computes 1 + 1 wrongly", index);
  } catch (const std::exception& error) {
    const auto* const of_libtorch = dynamic_cast<const c10::Error*>(&error);
    std::string why = first_line(of_libtorch != nullptr ? of_libtorch->what_without_backtrace() : error.what());
    const std::optional<GpuInfo> gpu = gpu_info(index);
    const std::string name = gpu ? fmt::format("{} (compute capability {}.{})", gpu->name, gpu->major, gpu->minor)
                                 : fmt::format("GPU {}", index);
    if (why.find("no kernel image") == std::string::npos) return fmt::format("{} does not compute: {}", name, why);
    return fmt::format("{} is too old (or too new) for this LibTorch {}", name, TORCH_VERSION);
  }
}

}  // namespace mnist
