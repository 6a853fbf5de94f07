// Text for people: names from outside made safe to print, and numbers made easy to read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mnist {

// `text` with its control characters as \xNN, so that a name from a file can neither break a line nor steer a terminal.
std::string printable(std::string_view text);

// A name from within a file as it stands in messages: printable, in single quotes, cut after 100 characters.
std::string quoted_name(std::string_view name);

// The text up to its first line break: LibTorch's exceptions carry a stack trace behind it.
std::string first_line(std::string_view text);

// Whether it is well-formed UTF-8.
bool is_utf8(const std::string& text);

// With small letters for the capital ones of ASCII, whatever the locale.
std::string lower_case(std::string_view text);

// "1,000,000"
std::string with_thousands(std::int64_t number);

}  // namespace mnist
