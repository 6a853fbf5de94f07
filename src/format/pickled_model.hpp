// Finds the state dict in the outermost value of a pickle that torch.save wrote.
#pragma once

#include <string>
#include <vector>

#include "mnist/format/named_tensors.hpp"

#include "pickle_reader.hpp"
#include "pickled_tensors.hpp"

namespace mnist {

struct PickledModel {
  NamedTensors state;
  std::vector<std::string> class_names;
  std::vector<std::string> notes;  // see `ModelFile`
};

// The state dict is the first dict of tensors under "state_dict_ema", "model_ema", "state_dict", "model_state_dict",
// "model" or "net", so averaged weights have priority, as in timm. Otherwise it is the outermost value itself.
// "class_names" is optional. A single tensor outside of any dict has an empty name. Throws a data `Error` that says
// what the file contains instead.
//
// Source of the order: timm, `timm.models.load_state_dict` with its default `use_ema=True`.
PickledModel read_pickled_model(const PickleValue& root, const PickleReader& pickle, PickledTensorReader& tensors,
                                const std::string& source);

}  // namespace mnist
