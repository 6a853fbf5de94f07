// LibTorch's settings for the whole process: threads, determinism, precision; and LibTorch's version. Differences
// between LibTorch versions are handled here only.
#pragma once

#include <string>
#include <vector>

#include <c10/core/Device.h>

namespace mnist {

std::string libtorch_version();  // "2.12.1", from the headers of the build

// What LibTorch uses on the CPU, one line each: number of threads, version texts of MKL and oneDNN, instruction set.
std::vector<std::string> libtorch_libraries();

// Sets the threads of one operator; 0: the cores that this process may use. Returns the number. Call it before the
// first operator: LibTorch creates its thread pool once.
int set_threads(int threads);

// Makes the C library keep freed memory for later tensors, because getting pages from the system can take longer than
// an operator. For programs that repeat the same computation; glibc only.
void keep_freed_memory();

// Makes all threads take memory from the same two heaps. Otherwise each thread keeps what it has freed, and a server
// with requests of very different sizes grows for a long time. Call it before threads are started; glibc only.
void share_freed_memory();

// Device sync: waits until `device` has finished all submitted work. For time measurements. Does nothing for a CPU.
void synchronize(const c10::Device& device);

// Makes results reproducible: the same command on the same machine with the same number of threads gives the same
// bytes. On CUDA, operators that are not deterministic throw. Call it before `select_device`: CUDA's libraries read the
// setting when they start.
void set_deterministic();

// tf32: fp32 tensors whose factors in products are rounded to 10 bits of mantissa; needs an NVIDIA GPU of compute
// capability 8.0 or later.
enum class Precision { fp32, tf32, bf16 };

// `name`: "fp32", "tf32", "bf16" or "auto". auto: bf16 on a CPU that computes it faster, tf32 on a GPU that supports
// it, else fp32. Throws a usage `Error` for another name, and for tf32 if the device does not support it.
Precision choose_precision(const std::string& name, const c10::Device& device);

std::string precision_name(Precision precision);

// While it lives, this thread computes in `precision` (LibTorch's autocast); weights and gradients stay fp32. For the
// forward pass and the loss, not for the backward pass. fp32: does nothing. `Kernels` always compute in fp32. On CUDA
// it also allows or forbids TF32, and the setting stays after its end.
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
