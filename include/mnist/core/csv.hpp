// Fields of CSV (RFC 4180).
#pragma once

#include <algorithm>
#include <string>

namespace mnist {

// `value` with all its bytes, in quotes if it has a comma, a quote or a control character.
inline std::string csv_field(const std::string& value) {
  const auto is_special = [](char c) { return c == ',' || c == '"' || static_cast<unsigned char>(c) < 0x20; };
  if (std::ranges::none_of(value, is_special)) return value;
  std::string field = "\"";
  for (const char c : value) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

}  // namespace mnist
