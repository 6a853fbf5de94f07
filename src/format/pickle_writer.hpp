// The pickle of a state dict, opcode for opcode as Python's `torch.save(model.state_dict(), ...)` writes it; its
// `_metadata` lacks the modules that have no tensors.
#pragma once

#include <string>

#include "mnist/format/named_tensors.hpp"

namespace mnist {

// The storage of tensor i is called by its index, "0", "1", ..., and holds its elements one after another.
// Throws a data `Error` for an element type that model files do not hold.
std::string pickle_state(const NamedTensors& state);

}  // namespace mnist
