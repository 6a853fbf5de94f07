// Errors of model files, with the same words for every format. `source` names the role and the file: "model file
// 'x.pt'"; `detail` says what is wrong and where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/format/fetch_command.hpp"

namespace mnist {

// Hint for an incomplete file of a data set.
inline std::string fetch_again() {
  return "download it again (" + fetch_command() + " downloads the data sets)";
}

// Hint for a .pt file that contains more than weights.
inline constexpr const char* kStateHint = "save the weights in Python: torch.save(model.state_dict(), \"model.pt\")";

// The file ends too early.
inline Error truncated_error(const std::string& source, const std::string& detail) {
  return data_error(source + " is truncated: " + detail, "copy or download the file again");
}

// The file is inconsistent or violates its format.
inline Error damaged_error(const std::string& source, const std::string& detail) {
  return data_error(source + " is damaged: " + detail, "copy or download the file again");
}

// The file is valid, but not a model of this program.
inline Error too_large_error(const std::string& source, std::uint64_t max_bytes) {
  return data_error(fmt::format("{} is too large: the limit is {} MiB", source, max_bytes >> 20),
                    "the largest network of this program has 102 MB of weights: is this the right file?");
}
inline Error too_many_error(const std::string& source, std::size_t max_tensors) {
  return data_error(fmt::format("{} holds more than {} tensors", source, max_tensors),
                    "the largest network of this program has 320: is this the right file?");
}

}  // namespace mnist
