// Text for people: makes untrusted names safe to print and numbers easy to read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mnist {

// `text` with control characters as \xNN, so that a name from a file can neither break a line nor control a terminal.
std::string printable(std::string_view text);

// A name from a file's content, as messages show it: printable, in single quotes, truncated to 100 characters.
std::string quoted_name(std::string_view name);

// The text up to its first line break. The rest of a LibTorch exception is a stack trace.
std::string first_line(std::string_view text);

// Whether `text` is well-formed UTF-8.
bool is_utf8(const std::string& text);

// Replaces ASCII capital letters by small ones, independent of the locale.
std::string lower_case(std::string_view text);

// "1,000,000"
std::string with_thousands(std::int64_t number);

}  // namespace mnist
