// Fields of CSV (RFC 4180).
#pragma once

#include <string>

#include "mnist/core/text.hpp"

namespace mnist::cli {

// `value`, in quotes if necessary, with control characters as \xNN, because terminals would interpret them.
inline std::string csv_field(const std::string& value) {
  std::string text = printable(value);
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

}  // namespace mnist::cli
