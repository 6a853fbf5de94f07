// How a run or an evaluation is computed: device, precision, and kernels. Everything that depends on the machine is
// here. It changes only the last bits of results.
#pragma once

#include <c10/core/Device.h>

#include "mnist/device/cuda_plugin.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/kernels/kernels.hpp"

namespace mnist {

struct Compute {
  c10::Device device = c10::kCPU;  // of the network and the batches
  Precision precision = Precision::fp32;
  // On a CPU: the kernels for networks and optimizers; nullptr: only LibTorch's operators.
  const Kernels* kernels = best_kernels();
  // On an NVIDIA GPU: the plug-in for training steps; nullptr: LibTorch's operators, launched one by one.
  const CudaPlugin* cuda = nullptr;
};

}  // namespace mnist
