#include "dtypes.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "mnist/core/error.hpp"

namespace mnist {
namespace {

struct Dtype {
  at::ScalarType type;
  std::string_view storage;
  std::string_view safetensors;
};

constexpr std::array<Dtype, 10> kDtypes{{
    {at::kFloat, "FloatStorage", "F32"},
    {at::kDouble, "DoubleStorage", "F64"},
    {at::kHalf, "HalfStorage", "F16"},
    {at::kBFloat16, "BFloat16Storage", "BF16"},
    {at::kLong, "LongStorage", "I64"},
    {at::kInt, "IntStorage", "I32"},
    {at::kShort, "ShortStorage", "I16"},
    {at::kChar, "CharStorage", "I8"},
    {at::kByte, "ByteStorage", "U8"},
    {at::kBool, "BoolStorage", "BOOL"},
}};

template <typename Field, typename Wanted>
const Dtype* dtype_whose(Field field, const Wanted& wanted) {
  const auto* found = std::find_if(kDtypes.begin(), kDtypes.end(), [&](const Dtype& d) { return d.*field == wanted; });
  return found == kDtypes.end() ? nullptr : found;
}

const Dtype& writable(at::ScalarType type) {
  const auto* dtype = dtype_whose(&Dtype::type, type);
  if (dtype == nullptr) {
    throw data_error(fmt::format("tensors of type {} cannot be written to a model file", c10::toString(type)),
                     "convert them first, to float for example");
  }
  return *dtype;
}

}  // namespace

std::optional<at::ScalarType> type_of_storage(std::string_view storage) {
  const auto* dtype = dtype_whose(&Dtype::storage, storage);
  return dtype != nullptr ? std::optional(dtype->type) : std::nullopt;
}

std::string_view storage_of_type(at::ScalarType type) {
  return writable(type).storage;
}

std::optional<at::ScalarType> type_of_safetensors(std::string_view dtype) {
  const auto* found = dtype_whose(&Dtype::safetensors, dtype);
  return found != nullptr ? std::optional(found->type) : std::nullopt;
}

std::string_view safetensors_of_type(at::ScalarType type) {
  return writable(type).safetensors;
}

}  // namespace mnist
