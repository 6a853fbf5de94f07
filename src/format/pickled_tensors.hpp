// From the values of a pickle that torch.save wrote to tensors, and from its outermost value to a state dict: what both
// PyTorch layouts have in common. Where the bytes of a storage lie is the layout's business.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <torch/types.h>

#include "mnist/format/named_tensors.hpp"

#include "pickle_reader.hpp"

namespace mnist {

// What a pickle says of a storage: ('storage', torch.FloatStorage, '0', 'cpu', 72).
struct StorageId {
  std::string key;
  at::ScalarType type = at::kFloat;
  std::uint64_t count = 0;  // elements

  std::uint64_t byte_count() const { return count * c10::elementSize(type); }
};

// Throws a data `Error` naming `source` where the reference is not to a storage of a known type.
StorageId storage_id(const PickleReference& reference, const std::string& source);

// Gives the bytes of a storage, exactly `byte_count()` of them, or throws a data `Error`.
using FindStorage = std::function<std::string_view(const StorageId&)>;

class PickledTensorReader {
 public:
  // `file_size`: bytes; the tensors together may take eight times as much (a file of a few bytes can describe one of
  // any size by repeating elements) and a little more.
  PickledTensorReader(FindStorage find_storage, std::string source, std::uint64_t file_size);

  // Whether the value describes a tensor, a parameter included.
  static bool is_tensor(const PickleValue& value);

  // Contiguous, with memory of its own. `name` is for messages. Throws a data `Error` where the description is
  // malformed, the elements do not lie in the storage, or too much memory would be needed.
  at::Tensor read(const PickleValue& value, const std::string& name);

 private:
  FindStorage find_storage_;
  std::string source_;
  std::uint64_t budget_;  // bytes that may still be taken
};

struct PickledModel {
  NamedTensors state;
  std::vector<std::string> class_names;
};

// Finds the state dict in the outermost value: the value itself, or what stands under "state_dict" or
// "model_state_dict", then with "class_names" beside it. A prefix "module." that all names have (DataParallel) is taken
// off. A single tensor outside of any dict has an empty name. Throws a data `Error` that says what the file holds
// instead.
PickledModel read_pickled_model(const PickleValue& root, PickledTensorReader& tensors, const std::string& source);

}  // namespace mnist
