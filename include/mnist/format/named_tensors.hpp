// A state dict: tensors by name, in the order in which the network (or the file) has them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

namespace mnist {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

}  // namespace mnist
