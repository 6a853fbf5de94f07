// From the outermost value of a pickle that torch.save wrote to a state dict: which of the dicts in it holds the
// weights.
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
  std::vector<std::string> notes;  // as in `ModelFile`
};

// The state dict is what stands under one of "state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model"
// and "net", the first of them that is a dict of tensors: averaged weights come before the others, as in timm. Else it
// is the outermost value itself. "class_names" may stand beside it. A single tensor outside of any dict has an empty
// name. Throws a data `Error` that says what the file holds instead.
//
// Source of the order: timm, `timm.models.load_state_dict` with its default `use_ema=True`.
PickledModel read_pickled_model(const PickleValue& root, const PickleReader& pickle, PickledTensorReader& tensors,
                                const std::string& source);

}  // namespace mnist
