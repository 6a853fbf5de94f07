// The ways in which a model file can be wrong, worded alike for every layout. `source` names the file and its role, as
// in "model file 'x.pt'"; `detail` says what was found where.
#pragma once

#include <string>

#include "mnist/core/error.hpp"

namespace mnist {

// What helps against a data set's file that came incompletely.
inline constexpr const char* kFetchAgain = "fetch it again (scripts/fetch_data knows where the data sets come from)";

// The file ends too early.
inline Error truncated_error(const std::string& source, const std::string& detail) {
  return data_error(source + " is truncated: " + detail, "copy or download the file again");
}

// The file contradicts itself or its format.
inline Error damaged_error(const std::string& source, const std::string& detail) {
  return data_error(source + " is damaged: " + detail, "copy or download the file again");
}

}  // namespace mnist
