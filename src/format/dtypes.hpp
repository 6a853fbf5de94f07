// The element types that model files hold, and what PyTorch and safetensors call them. To a name from a file there may
// be no type; a type without a name cannot be written: a data `Error`.
#pragma once

#include <optional>
#include <string_view>

#include <torch/types.h>

namespace mnist {

// "FloatStorage" (of the Python module torch) <-> at::kFloat.
std::optional<at::ScalarType> type_of_storage(std::string_view storage);
std::string_view storage_of_type(at::ScalarType type);

// "F32" <-> at::kFloat
std::optional<at::ScalarType> type_of_safetensors(std::string_view dtype);
std::string_view safetensors_of_type(at::ScalarType type);

}  // namespace mnist
