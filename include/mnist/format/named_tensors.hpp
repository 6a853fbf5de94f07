// A state dict: tensors by name, in the order of the network or file.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

namespace mnist {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

}  // namespace mnist
