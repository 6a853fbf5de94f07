// From the name a user gives (`--device`) to the device LibTorch computes on, and a sentence about it.
#pragma once

#include <string>
#include <vector>

#include <c10/core/Device.h>

namespace mnist {

struct DeviceChoice {
  c10::Device device;
  std::string description;  // "cpu (2 threads)", "cuda:0 (NVIDIA H200, ...)"
  std::string note;         // `auto` only: why this one; empty where there is nothing to say
};

// `name`: auto, cpu, cuda, cuda:N or mps. Loads CUDA where the name may need it: call it before any tensor work.
// auto: the GPU with the most free memory where CUDA is usable, else Apple's GPU, else the CPU; never throws.
// Throws a usage `Error` for another name, and a device `Error` (exit code 4) where the device that was asked for is
// not available, with the reason and what to do about it.
DeviceChoice select_device(const std::string& name);

// The names for help texts and suggestions: auto, cpu, cuda, cuda:N, mps.
const std::vector<std::string>& device_names();

}  // namespace mnist
