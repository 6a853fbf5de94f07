// Builds tensors from the values of a pickle that torch.save wrote: the common part of both PyTorch formats. The
// format's reader locates the bytes of storages.
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

// A storage as described in a pickle: ('storage', torch.FloatStorage, '0', 'cpu', 72).
struct StorageId {
  std::string key;
  at::ScalarType type = at::kFloat;
  std::uint64_t count = 0;  // elements

  std::uint64_t byte_count() const { return count * c10::elementSize(type); }
};

// `owner`: the owner of the storage for messages, "tensor 'a'". Throws a data `Error` that names `source` and the owner
// if the reference is not a storage of a known type.
StorageId storage_id(const PickleReference& reference, const std::string& owner, const std::string& source);

// Returns the offset in the file of the `byte_count()` bytes of a storage, or throws a data `Error`.
using FindStorage = std::function<std::uint64_t(const StorageId&)>;

// The memory limit for all tensors of a model file: a little more than the file size, because a small file could
// describe huge tensors by repeating elements; at most `kMaxTensorBytes`.
std::uint64_t usual_memory(const FileBytes& file);

class PickledTensorReader {
 public:
  // `memory`: limit for all tensors together, in bytes. `file` must outlive the reader.
  PickledTensorReader(const FileBytes& file, FindStorage find_storage, std::uint64_t memory);

  // Whether the value describes a tensor or a parameter.
  static bool is_tensor(const PickleValue& value);

  // Returns a contiguous tensor with its own memory. `name` is for messages. Throws a data `Error` if the description
  // is malformed, elements are outside the storage, the tensor is conjugate, or the memory limit is exceeded.
  at::Tensor read(const PickleValue& value, const std::string& name);

 private:
  struct View;  // the elements of a storage that belong to a tensor

  View view_of(const PickleTuple& arguments, const std::string& name) const;
  void take_memory(const View& view, const std::string& name);

  const FileBytes& file_;
  FindStorage find_storage_;
  std::uint64_t memory_;
  std::uint64_t memory_left_;
  std::uint64_t reads_left_;  // limit for bytes that are still to read: tensors can share bytes
  std::size_t tensors_left_ = kMaxTensors;
};

}  // namespace mnist
