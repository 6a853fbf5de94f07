// The tensors that model files hold: their element types, and what PyTorch and safetensors call them. To a name from a
// file there may be no type; a type without a name cannot be written: a data `Error`.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <torch/types.h>

namespace mnist {

inline constexpr std::size_t kMaxDimensions = 16;  // of a tensor; with more of them a file is broken

// "FloatStorage" (of the Python module torch) <-> at::kFloat.
std::optional<at::ScalarType> type_of_storage(std::string_view storage);
std::string_view storage_of_type(at::ScalarType type);

// "F32" <-> at::kFloat
std::optional<at::ScalarType> type_of_safetensors(std::string_view dtype);
std::string_view safetensors_of_type(at::ScalarType type);

}  // namespace mnist
