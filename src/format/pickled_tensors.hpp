// From the values of a pickle that torch.save wrote to tensors: what both PyTorch layouts have in common. Where the
// bytes of a storage lie is the layout's business.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "file_bytes.hpp"
#include "model_limits.hpp"
#include "pickle_reader.hpp"

namespace mnist {

// What a pickle says of a storage: ('storage', torch.FloatStorage, '0', 'cpu', 72).
struct StorageId {
  std::string key;
  at::ScalarType type = at::kFloat;
  std::uint64_t count = 0;  // elements

  std::uint64_t byte_count() const { return count * c10::elementSize(type); }
};

// `owner`: what has the storage, "tensor 'a'". Throws a data `Error` naming `source` and the owner if the reference is
// not to a storage of a known type.
StorageId storage_id(const PickleReference& reference, const std::string& owner, const std::string& source);

// Says where in the file the `byte_count()` bytes of a storage begin, or throws a data `Error`.
using FindStorage = std::function<std::uint64_t(const StorageId&)>;

// What the tensors of a model file may take together: as much as the file has bytes and a little more, though it could
// describe any size by repeating elements; and at most `kMaxTensorBytes`.
std::uint64_t usual_memory(const FileBytes& file);

class PickledTensorReader {
 public:
  // `memory`: bytes that the tensors may take together. `file` must outlive the reader.
  PickledTensorReader(const FileBytes& file, FindStorage find_storage, std::uint64_t memory);

  // Whether the value describes a tensor, a parameter included.
  static bool is_tensor(const PickleValue& value);

  // Contiguous, with memory of its own. `name` is for messages. Throws a data `Error` if the description is malformed,
  // the elements do not lie in the storage, the tensor is conjugate, or too much memory would be needed.
  at::Tensor read(const PickleValue& value, const std::string& name);

 private:
  struct View;  // the elements of a storage that a tensor has

  View view_of(const PickleTuple& arguments, const std::string& name) const;
  void take_memory(const View& view, const std::string& name);

  const FileBytes& file_;
  FindStorage find_storage_;
  std::uint64_t memory_;
  std::uint64_t memory_left_;
  std::uint64_t reads_left_;  // bytes that may still be read: tensors can share them
  std::size_t tensors_left_ = kMaxTensors;
};

}  // namespace mnist
