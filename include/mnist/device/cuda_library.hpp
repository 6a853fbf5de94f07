// Loads CUDA at run time. The program links only LibTorch's CPU library and loads LibTorch's CUDA library if a device
// needs it. So one binary also runs on machines without GPU, driver or CUDA, and reports which of them is missing.
//
// LibTorch looks for its CUDA library once, at the first use of a function that may need it: call `load_cuda` before
// any tensor work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace mnist {

struct CudaStatus {
  bool usable = false;
  std::string reason;    // why CUDA is not usable, one sentence without full stop; empty if usable
  std::string hint;      // how to fix it; empty if usable
  int device_count = 0;  // GPUs that LibTorch sees; at least 1 if usable
  bool has_driver = false;
};

// Loads LibTorch's CUDA library. Checks in this order: the driver, the library file, the libraries that it needs, a
// GPU. The driver comes first because that check is cheap: on a machine without GPU, nothing else is loaded.
// `driver_library`: a name or path for the dynamic loader. `cuda_library`: path of LibTorch's CUDA library. Does not
// throw.
CudaStatus load_cuda(const std::string& driver_library, const std::filesystem::path& cuda_library);

// The same with this platform's driver and the CUDA library of the LibTorch in use. Later calls return the first
// result.
CudaStatus load_cuda();

// The expected path of that CUDA library: in the folder of the LibTorch in use.
std::filesystem::path cuda_library_path();

// What the driver reports about a GPU.
struct GpuInfo {
  std::string name;          // "NVIDIA H200"
  std::string uuid;          // "GPU-..."; identifies the GPU in NVML, too (`gpu_monitor.hpp`)
  std::uint64_t memory = 0;  // bytes
  int major = 0;             // compute capability
  int minor = 0;
};

// For the GPU with CUDA's index `index`; nothing if the driver does not answer. Call it after a successful `load_cuda`.
std::optional<GpuInfo> gpu_info(int index);

// "NVIDIA H200, 139.8 GiB, compute capability 9.0".
std::string gpu_description(const GpuInfo& gpu);

// Versions of the CUDA runtime and cuDNN that LibTorch uses: "13.0" and "9.10.2"; empty if there is none. Call it after
// a successful `load_cuda`.
struct CudaVersions {
  std::string runtime;
  std::string cudnn;
};
CudaVersions cuda_versions();

// Runs a small computation on GPU `index`. Returns an empty string if it works; otherwise one sentence without full
// stop that says why not. A LibTorch build supports certain GPU generations only.
std::string why_gpu_is_unusable(int index);

}  // namespace mnist
