// CUDA at run time: the program links LibTorch's CPU library only, and loads the CUDA half when a device asks for it.
// So one binary runs where there is no GPU, no driver or no CUDA library, and says which of them is missing.
//
// LibTorch looks for its CUDA half once, at the first use of anything that could need it: load before any tensor work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace mnist {

struct CudaStatus {
  bool usable = false;
  std::string reason;    // why not, one sentence without full stop; empty when usable
  std::string hint;      // what to do about it
  int device_count = 0;  // GPUs that LibTorch sees; at least 1 when usable
};

// Loads the CUDA half of LibTorch, looking in this order for what can be missing: the driver, the library, the
// libraries it needs, a GPU. Looks for the driver first because that costs nothing: a machine without a GPU pays for no
// more. `driver_library`: a name or path for the dynamic loader. `cuda_library`: the file with LibTorch's CUDA half.
CudaStatus load_cuda(const std::string& driver_library, const std::filesystem::path& cuda_library);

// The same for this platform's driver and the CUDA half that belongs to the LibTorch in use. Does nothing a second time
// but return what it found.
CudaStatus load_cuda();

// Where that CUDA half is looked for: beside the LibTorch in use.
std::filesystem::path cuda_library_path();

// What the driver says of a GPU.
struct GpuInfo {
  std::string name;          // "NVIDIA H200"
  std::string uuid;          // "GPU-...": the same GPU in NVML (`gpu_monitor.hpp`)
  std::uint64_t memory = 0;  // bytes
  int major = 0;             // compute capability
  int minor = 0;
};

// Of the GPU that CUDA calls `index`; nothing where the driver says nothing. After a successful `load_cuda`.
std::optional<GpuInfo> gpu_info(int index);

// "NVIDIA H200, 139.8 GiB, compute capability 9.0".
std::string gpu_description(const GpuInfo& gpu);

// "13.0" and "9.10.2": of the CUDA runtime and cuDNN that LibTorch computes with; empty where there is none. After a
// successful `load_cuda`.
struct CudaVersions {
  std::string runtime;
  std::string cudnn;
};
CudaVersions cuda_versions();

// Why LibTorch cannot compute on GPU `index`, one sentence without full stop; empty where it can, which it does to find
// out. LibTorch is built for GPUs from some generation on.
std::string why_gpu_is_unusable(int index);

}  // namespace mnist
