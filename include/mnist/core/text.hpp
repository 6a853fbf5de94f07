// Text for people: makes untrusted names safe to print and numbers easy to read.
#pragma once

#include <cstddef>
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

// `text` with U+FFFD in place of bytes that are not UTF-8: names of files can have any bytes, pages and JSON cannot.
std::string as_utf8(const std::string& text);

// Replaces ASCII capital letters by small ones, independent of the locale.
std::string lower_case(std::string_view text);

// "1,000,000"
std::string with_thousands(std::int64_t number);

// "1 epoch", "2,000 epochs", "3 classes": a number with its noun, which is given in the singular.
std::string counted(std::int64_t number, std::string_view noun);

// Columns that the text takes on a terminal: two for wide characters such as those of Chinese, none for combining ones.
// It has no control characters (`printable`).
std::size_t columns_of(std::string_view text);

// The text, if it takes more than `columns` with an ellipsis in place of its middle: beginnings and ends tell names
// apart.
std::string shortened(std::string_view text, std::size_t columns);

enum class Align { left, right };

// With spaces to so many columns; a text that takes more stays as it is.
std::string padded(std::string_view text, std::size_t columns, Align align = Align::left);

}  // namespace mnist
