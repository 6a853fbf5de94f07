// Chooses the device for a name that the user gives (`--device`), and describes it.
#pragma once

#include <string>
#include <vector>

#include <c10/core/Device.h>

namespace mnist {

struct DeviceChoice {
  c10::Device device;
  std::string description;  // "cpu (2 threads)", "cuda:0 (NVIDIA H200, ...)"
  std::string note;         // `auto` only: why this device; may be empty
  std::string no_gpu;       // `auto` only, if the machine has no NVIDIA driver: the reason, for the debug log
};

// `name`: auto, cpu, cuda, cuda:N or mps. Loads CUDA if the name may need it: call it before any tensor work. auto: if
// CUDA is usable, the GPU with the most free memory; else the CPU; does not throw. Throws a usage `Error` for another
// name, and a device `Error` (exit code 4) with the reason and the fix if the requested device is not available.
DeviceChoice select_device(const std::string& name);

// The names for help texts and suggestions: auto, cpu, cuda, cuda:N, mps.
const std::vector<std::string>& device_names();

}  // namespace mnist
