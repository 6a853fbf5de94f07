#include "mnist/device/cuda_library.hpp"

#include <cstdint>
#include <string_view>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/cuda.h>

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

constexpr const char* kNoGpuHint = "use --device cpu, or run on a machine with an NVIDIA GPU and its driver";

// LibTorch's own words on why it sees no GPU ("The NVIDIA driver on your system is too old ..."): it keeps them for the
// first tensor.
std::string why_no_gpu() {
  try {
    at::empty({1}, at::TensorOptions(at::kCUDA));
    return "CUDA reports no GPU";
  } catch (const c10::Error& error) {
    return first_line(error.what_without_backtrace());
  } catch (const std::exception& error) {
    return first_line(error.what());
  }
}

}  // namespace

std::filesystem::path cuda_library_path() {
  return library_of(reinterpret_cast<const void*>(&torch::cuda::is_available)).parent_path() / kCudaLibrary;
}

CudaStatus load_cuda(const std::string& driver_library, const std::filesystem::path& cuda_library) {
  if (std::string why; !load_library(driver_library, why)) {
    return {false, fmt::format("no NVIDIA driver was found ({} does not load)", driver_library), kNoGpuHint};
  }
  if (std::error_code ignored; !std::filesystem::exists(cuda_library, ignored)) {
    return {false, fmt::format("the LibTorch in use has no CUDA half ({} is missing)", quoted(cuda_library)),
            "build against a CUDA build of LibTorch: scripts/run train-gpu or pixi run train-gpu install one"};
  }
  if (std::string why; !load_library(cuda_library.string(), why)) {
    return {
        false, fmt::format("LibTorch's CUDA half does not load: {}", why),
        "the named library belongs to CUDA or cuDNN; scripts/run train-gpu installs the set that fits this LibTorch"};
  }
  // One byte in LibTorch.
  const auto count = static_cast<int>(static_cast<unsigned char>(torch::cuda::device_count()));
  if (count == 0) {
    return {false, fmt::format("CUDA is there, but sees no GPU: {}", why_no_gpu()),
            "see what nvidia-smi says, and whether CUDA_VISIBLE_DEVICES hides the GPU"};
  }
  return {true, "", "", count};
}

CudaStatus load_cuda() {
#if defined(__APPLE__)
  return {false, "there is no CUDA on macOS", "use --device mps or --device cpu"};
#else
  static const CudaStatus status = load_cuda(kDriver, cuda_library_path());
  return status;
#endif
}

std::string gpu_description(int index) {
  // The driver's own interface, whose binary form NVIDIA keeps; CUDA's headers are not needed to build this program.
  std::string why;
  void* driver = load_library(kDriver, why);
  if (driver == nullptr) return "";
  const auto initialise = reinterpret_cast<int (*)(unsigned)>(symbol_of(driver, "cuInit"));
  const auto get_device = reinterpret_cast<int (*)(int*, int)>(symbol_of(driver, "cuDeviceGet"));
  const auto get_name = reinterpret_cast<int (*)(char*, int, int)>(symbol_of(driver, "cuDeviceGetName"));
  const auto get_memory = reinterpret_cast<int (*)(std::size_t*, int)>(symbol_of(driver, "cuDeviceTotalMem_v2"));
  const auto get_attribute = reinterpret_cast<int (*)(int*, int, int)>(symbol_of(driver, "cuDeviceGetAttribute"));
  if (!initialise || !get_device || !get_name || !get_memory || !get_attribute) return "";

  constexpr int kComputeCapabilityMajor = 75;
  constexpr int kComputeCapabilityMinor = 76;
  int device = 0;
  int major = 0;
  int minor = 0;
  std::size_t bytes = 0;
  char name[256] = "";
  if (initialise(0) != 0 || get_device(&device, index) != 0 || get_name(name, sizeof name, device) != 0 ||
      get_memory(&bytes, device) != 0 || get_attribute(&major, kComputeCapabilityMajor, device) != 0 ||
      get_attribute(&minor, kComputeCapabilityMinor, device) != 0) {
    return "";
  }
  return fmt::format("{}, {:.1f} GiB, compute capability {}.{}", name, static_cast<double>(bytes) / (1u << 30), major,
                     minor);
}

}  // namespace mnist
