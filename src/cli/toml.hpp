// The part of TOML that configuration needs: sections, and keys with a string, number, boolean or an array of these.
// All forms of TOML (dotted keys, inline tables, multi-line strings) give the same result. Dates and tables in a
// section are rejected with a message. Source: toml.io, version 1.0; read by toml++.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mnist::cli {

struct TomlEntry {
  std::string section;              // "" before the first [section]
  std::string key;                  // "batch-size"; "" for the [section] itself
  std::vector<std::string> values;  // as text: strings without quotes, numbers in decimal; more or less than one only
                                    // for an array
  int line = 0;                     // from 1
};

// In the file's order. Throws a usage `Error` "<source>:<line>: ..." if the text is not TOML, or contains something
// that no option accepts: a date, a table in a section, a NUL character, an empty name.
std::vector<TomlEntry> parse_toml(std::string_view text, const std::string& source);

// The text in quotes, with escapes. It must be UTF-8: TOML has no other strings.
std::string toml_string(std::string_view text);

}  // namespace mnist::cli
