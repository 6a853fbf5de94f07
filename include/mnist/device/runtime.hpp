// Settings of LibTorch for the whole process: threads, determinism, precision; and what LibTorch says of itself. The
// one place that knows differences between LibTorch's versions.
#pragma once

#include <string>
#include <vector>

#include <c10/core/Device.h>

namespace mnist {

std::string libtorch_version();  // "2.12.1", of the headers it was built with

// The CPU libraries LibTorch computes with, one line each: threads, the versions of MKL and oneDNN in
// their own words, the instruction set in use.
std::vector<std::string> libtorch_libraries();

// Threads for one operator; 0 stands for the cores this process may use. Returns the number set.
// Before the first operator: LibTorch's pool is made once.
int set_threads(int threads);

// Has the C library keep what is freed for the next tensor of that size: to get pages from the system costs more time
// than many an operator. For programs that compute the same again and again; glibc only.
void keep_freed_memory();

// Waits until `device` has done all that it was given: for measuring times. A CPU has done it already.
void synchronize(const c10::Device& device);

// Same bytes from the same command on the same machine with the same number of threads. On CUDA it forbids operators
// that cannot promise it. Before `select_device`: CUDA's libraries read their part of it when they start.
void set_deterministic();

// tf32, on NVIDIA GPUs from compute capability 8.0 on: fp32 tensors, whose products are rounded to 10 bits of mantissa.
enum class Precision { fp32, tf32, bf16 };

// "fp32", "tf32", "bf16" or "auto" (bf16 on a CPU that is faster in it, tf32 on a GPU that has it, else fp32).
// Throws a usage `Error` for another name, and for tf32 where there is none.
Precision choose_precision(const std::string& name, const c10::Device& device);

std::string precision_name(Precision precision);

// Computes what is inside its scope in `precision` (LibTorch's autocast): weights and gradients stay fp32. For the
// forward pass and the loss, not for the backward pass. fp32: does nothing. `Kernels` compute in fp32 in any case. On
// CUDA it also says, for good, whether LibTorch may use TF32.
class PrecisionScope {
 public:
  PrecisionScope(Precision precision, const c10::Device& device);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;

 private:
  bool active_;
  c10::DeviceType type_;
};

}  // namespace mnist
