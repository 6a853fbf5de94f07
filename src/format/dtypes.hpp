// Element types of tensors in model files, and their names in PyTorch and safetensors. A name from a file may have no
// type. A type without a name cannot be written: data `Error`.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <torch/types.h>

namespace mnist {

inline constexpr std::size_t kMaxDimensions = 16;  // of a tensor; a file with more is damaged

// "FloatStorage" (of the Python module torch) <-> at::kFloat.
std::optional<at::ScalarType> type_of_storage(std::string_view storage);
std::string_view storage_of_type(at::ScalarType type);

// "F32" <-> at::kFloat
std::optional<at::ScalarType> type_of_safetensors(std::string_view dtype);
std::string_view safetensors_of_type(at::ScalarType type);

}  // namespace mnist
