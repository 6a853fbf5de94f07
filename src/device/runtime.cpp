#include "mnist/device/runtime.hpp"

#include <cstdlib>
#include <optional>
#if defined(__linux__)
#include <malloc.h>
#endif

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/autocast_mode.h>
#include <fmt/format.h>
#include <torch/cuda.h>
#include <torch/mps.h>
#include <torch/version.h>

#include "mnist/core/error.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/core/text.hpp"
#include "mnist/device/cuda_library.hpp"

namespace mnist {

std::string libtorch_version() {
  return fmt::format("{}.{}.{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH);
}

std::vector<std::string> libtorch_libraries() {
  std::vector<std::string> libraries = {counted(at::get_num_threads(), "thread")};
  if (at::hasMKL()) libraries.push_back(at::get_mkl_version());
  if (at::hasMKLDNN()) libraries.push_back(at::get_mkldnn_version());
  libraries.push_back(fmt::format("CPU capability {}", at::get_cpu_capability()));
  return libraries;
}

void keep_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kLimit = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, kLimit);
  mallopt(M_TRIM_THRESHOLD, kLimit);
#endif
}

void share_freed_memory() {
#if defined(__GLIBC__)
  constexpr int kHeaps = 2;
  mallopt(M_ARENA_MAX, kHeaps);
#endif
}

int set_threads(int threads) {
  const int count = threads > 0 ? threads : allowed_cores();
  at::set_num_threads(count);
  return count;
}

void synchronize(const c10::Device& device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
  if (device.is_mps()) torch::mps::synchronize();
}

void set_deterministic() {
#if !defined(_WIN32)
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
#endif
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setDeterministicCuDNN(true);
  at::globalContext().setBenchmarkCuDNN(false);
}

namespace {

bool has_tf32(const c10::Device& device) {
  if (!device.is_cuda()) return false;
  const std::optional<GpuInfo> gpu = gpu_info(device.index());
  return gpu && gpu->major >= 8;
}

}  // namespace

Precision choose_precision(const std::string& name, const c10::Device& device) {
  if (name == "fp32") return Precision::fp32;
  if (name == "bf16") {
    if (!device.is_mps()) return Precision::bf16;
    throw usage_error("mps does not support bf16 here", "omit --precision, use fp32, or use --device cpu");
  }
  if (name == "tf32") {
    if (has_tf32(device)) return Precision::tf32;
    throw usage_error(
        fmt::format("{} does not support tf32; NVIDIA GPUs of compute capability 8.0 or later do", device.str()),
        "omit --precision, or use fp32");
  }
  if (name == "auto") {
    if (device.is_cpu()) return has_fast_bf16() ? Precision::bf16 : Precision::fp32;
    return has_tf32(device) ? Precision::tf32 : Precision::fp32;
  }
  throw usage_error(fmt::format("there is no precision '{}'", name),
                    suggestion(name, {"fp32", "tf32", "bf16", "auto"}));
}

std::string precision_name(Precision precision) {
  switch (precision) {
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
    case Precision::fp32:
      break;
  }
  return "fp32";
}

PrecisionScope::PrecisionScope(Precision precision, const c10::Device& device)
    : active_(precision == Precision::bf16), type_(device.type()) {
  if (device.is_cuda()) {
    at::globalContext().setAllowTF32CuBLAS(precision == Precision::tf32);
    at::globalContext().setAllowTF32CuDNN(precision == Precision::tf32);
  }
  if (!active_) return;
  at::autocast::set_autocast_enabled(type_, true);
  at::autocast::set_autocast_dtype(type_, at::kBFloat16);
  at::autocast::increment_nesting();
}

PrecisionScope::~PrecisionScope() {
  if (!active_) return;
  // Otherwise the cached bf16 weights would still be used after the optimizer changes the weights.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(type_, false);
}

}  // namespace mnist
