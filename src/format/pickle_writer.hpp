// Writes the pickle of a model with the same opcodes as Python's `torch.save`, except that `_metadata` lacks modules
// without tensors.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "mnist/format/named_tensors.hpp"

namespace mnist {

// The pickle of torch.save(model.state_dict(), ...). The key of tensor i's storage is its index, "0", "1", ...; the
// storage is contiguous. Throws a data `Error` if model files do not support an element type.
std::string pickle_state(const NamedTensors& state);

// The pickle of torch.save({"state_dict": model.state_dict(), "class_names": class_names}, ...).
std::string pickle_state_and_class_names(const NamedTensors& state, const std::vector<std::string>& class_names);

// Returns the storage number of each tensor; tensors must be contiguous. Tensors with the same memory have the same
// storage. Storages are numbered in the order of their first use.
std::vector<std::size_t> storage_numbers(const NamedTensors& tensors);

// The pickle of torch.save({"state_dict": state, "optimizer": {...}, ...}, ...): `state` first, then the `others`.
// `storages`: the storage numbers of all tensors in this order.
std::string pickle_checkpoint(const NamedTensors& state,
                              const std::vector<std::pair<std::string, NamedTensors>>& others,
                              const std::vector<std::size_t>& storages);

}  // namespace mnist
