// What computes a run or an evaluation: on which device, how precisely, and with which code of ours. One value for all
// that has to do with the machine; the results differ by it only in their last bits.
#pragma once

#include <c10/core/Device.h>

#include "mnist/device/cuda_plugin.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/kernels/kernels.hpp"

namespace mnist {

struct Compute {
  c10::Device device = c10::kCPU;  // where network and batches are
  Precision precision = Precision::fp32;
  // On a CPU: what networks and optimizers compute with; nullptr: LibTorch's operators alone.
  const Kernels* kernels = usable_kernels().front();
  // On an NVIDIA GPU: what training steps are computed with; nullptr: LibTorch's operators, launched one by one.
  const CudaPlugin* cuda = nullptr;
};

}  // namespace mnist
