// The element types that model files hold, and what PyTorch and safetensors call them.
#pragma once

#include <optional>
#include <string_view>

#include <torch/types.h>

namespace mnist {

// "FloatStorage" (of the Python module torch) <-> at::kFloat; nothing for a type that is not stored in model files.
std::optional<at::ScalarType> type_of_storage(std::string_view storage);
std::string_view storage_of_type(at::ScalarType type);  // empty for other types

// "F32" <-> at::kFloat
std::optional<at::ScalarType> type_of_safetensors(std::string_view dtype);
std::string_view safetensors_of_type(at::ScalarType type);  // empty for other types

}  // namespace mnist
