// The part of TOML that configuration needs: comments, [sections], and keys with a string, number, boolean or an array
// of these. Dates, inline tables, multi-line strings and dotted keys are refused by name. Source: toml.io, version 1.0.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mnist::cli {

struct TomlEntry {
  std::string section;              // "" before the first [section]
  std::string key;                  // "batch-size"; "" for the [section] line itself
  std::vector<std::string> values;  // as text, strings without quotes; more or less than one only for an array
  int line = 0;                     // from 1
};

// In the file's order. Throws a usage `Error` "<source>:<line>: ..." where the text is not of that form, or holds a key
// or a section twice.
std::vector<TomlEntry> parse_toml(std::string_view text, const std::string& source);

// The text of a value: bare for true, false and numbers, else a string in quotes; an array unless there is exactly one.
std::string toml_value(const std::vector<std::string>& values);

}  // namespace mnist::cli
