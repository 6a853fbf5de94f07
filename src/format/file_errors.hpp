// The ways in which a model file can be wrong, worded alike for every layout. `source` names the file and its role, as
// in "model file 'x.pt'"; `detail` says what was found where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <fmt/format.h>

#include "mnist/core/error.hpp"

namespace mnist {

// What helps against a data set's file that came incompletely.
inline constexpr const char* kFetchAgain = "fetch it again (scripts/fetch_data knows where the data sets come from)";

// What helps against a .pt file that holds more than weights.
inline constexpr const char* kStateHint = "save the weights in Python: torch.save(model.state_dict(), \"model.pt\")";

// The file ends too early.
inline Error truncated_error(const std::string& source, const std::string& detail) {
  return data_error(source + " is truncated: " + detail, "copy or download the file again");
}

// The file contradicts itself or its format.
inline Error damaged_error(const std::string& source, const std::string& detail) {
  return data_error(source + " is damaged: " + detail, "copy or download the file again");
}

// The file is legal, but no model of this program.
inline Error too_large_error(const std::string& source, std::uint64_t max_bytes) {
  return data_error(fmt::format("{} is too large: at most {} MiB are read", source, max_bytes >> 20),
                    "the largest network of this program has 102 MB of weights: is this the right file?");
}
inline Error too_many_error(const std::string& source, std::size_t max_tensors) {
  return data_error(fmt::format("{} holds more than {} tensors", source, max_tensors),
                    "the largest network of this program has 320: is this the right file?");
}

}  // namespace mnist
