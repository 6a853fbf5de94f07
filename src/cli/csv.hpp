// Fields of CSV as RFC 4180 has them.
#pragma once

#include <string>

namespace mnist::cli {

// `text`, in quotes where it needs them.
inline std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

}  // namespace mnist::cli
