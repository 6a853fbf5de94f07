// The pickle of a model, opcode for opcode as Python's `torch.save` writes it; its `_metadata` lacks the modules that
// have no tensors.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "mnist/format/named_tensors.hpp"

namespace mnist {

// Of torch.save(model.state_dict(), ...). The storage of tensor i is called by its index, "0", "1", ..., and holds its
// elements one after another. Throws a data `Error` for an element type that model files do not hold.
std::string pickle_state(const NamedTensors& state);

// The same of torch.save({"state_dict": model.state_dict(), "class_names": class_names}, ...).
std::string pickle_state_and_class_names(const NamedTensors& state, const std::vector<std::string>& class_names);

// For each of the tensors, which are contiguous, the number of the storage that holds it: those with the same memory
// have the same storage. Storages are numbered in the order in which they are first used.
std::vector<std::size_t> storage_numbers(const NamedTensors& tensors);

// The same of torch.save({"state_dict": state, "optimizer": {...}, ...}, ...): `state` first, then the `others`.
// `storages`: those of all tensors, one after the other.
std::string pickle_checkpoint(const NamedTensors& state,
                              const std::vector<std::pair<std::string, NamedTensors>>& others,
                              const std::vector<std::size_t>& storages);

}  // namespace mnist
