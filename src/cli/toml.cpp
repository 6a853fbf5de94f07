#include "toml.hpp"

#include <regex>
#include <set>

#include <fmt/format.h>

#include "mnist/core/error.hpp"

namespace mnist::cli {
namespace {

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_bare_value(const std::string& text) {
  static const std::regex form(R"(true|false|[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?)");
  return std::regex_match(text, form);
}

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& source) : text_(text), source_(source) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
  }

  std::vector<TomlEntry> read() {
    for (skip_lines(); !at_end(); skip_lines()) {
      if (peek() == '[') {
        read_section();
      } else {
        read_entry();
      }
      end_of_line();
    }
    return std::move(entries_);
  }

 private:
  bool at_end() const { return place_ == text_.size(); }
  char peek() const { return at_end() ? '\n' : text_[place_]; }
  char next() {
    const char c = text_[place_++];
    if (c == '\n') ++line_;
    return c;
  }

  [[noreturn]] void fail(const std::string& what, const std::string& hint = "a line is: key = value, or [section]") {
    throw usage_error(fmt::format("{}:{}: {}", source_, line_, what), hint);
  }

  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t') next();
  }

  void skip_comment() {
    if (peek() != '#') return;
    while (peek() != '\n') next();
  }

  // Spaces, comments and ends of lines.
  void skip_lines() {
    while (!at_end()) {
      skip_comment();
      if (at_end() || (peek() != ' ' && peek() != '\t' && peek() != '\r' && peek() != '\n')) return;
      next();
    }
  }

  void end_of_line() {
    skip_spaces();
    skip_comment();
    if (peek() == '\r') next();
    if (peek() != '\n') fail(fmt::format("unexpected {} behind the value", shown(peek())));
  }

  static std::string shown(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\n' ? "end of line" : byte < 0x20 || byte >= 0x7F ? "character" : fmt::format("'{}'", c);
  }

  std::string read_key() {
    std::string key;
    while (is_key_character(peek())) key += next();
    if (key.empty()) fail(fmt::format("a name is expected, not {}", shown(peek())));
    return key;
  }

  void read_section() {
    const int line = line_;
    next();
    skip_spaces();
    if (peek() == '[') fail("lists of sections, [[...]], are not read", "write [section] with one pair of brackets");
    section_ = read_key();
    skip_spaces();
    if (peek() != ']') fail(fmt::format("']' is expected, not {}", shown(peek())));
    next();
    if (!sections_.insert(section_).second) fail(fmt::format("section [{}] stands twice", section_), "join the two");
    entries_.push_back({section_, "", {}, line});
  }

  void read_entry() {
    TomlEntry entry{section_, read_key(), {}, line_};
    skip_spaces();
    if (peek() != '=') fail(fmt::format("'=' is expected behind '{}', not {}", entry.key, shown(peek())));
    next();
    skip_spaces();
    if (peek() == '[') {
      entry.values = read_array();
    } else {
      entry.values = {read_value()};
    }
    if (!keys_.insert(entry.section + "." + entry.key).second) {
      fail(fmt::format("'{}' is set twice", entry.key), "leave one of the two");
    }
    entries_.push_back(std::move(entry));
  }

  std::vector<std::string> read_array() {
    std::vector<std::string> values;
    next();
    for (skip_lines(); peek() != ']'; skip_lines()) {
      if (at_end()) fail("the array has no ']'");
      values.push_back(read_value());
      skip_lines();
      if (peek() == ',') {
        next();
      } else if (peek() != ']') {
        fail(fmt::format("',' or ']' is expected, not {}", at_end() ? "the end of the file" : shown(peek())));
      }
    }
    next();
    return values;
  }

  std::string read_value() {
    if (peek() == '"' || peek() == '\'') return read_string();
    std::string value;
    while (is_key_character(peek()) || peek() == '+' || peek() == '.') value += next();
    if (value.empty()) fail(fmt::format("a value is expected, not {}", shown(peek())));
    if (!is_bare_value(value)) {
      fail(fmt::format("the value {} is no number, true or false", value),
           fmt::format("a text is written \"{}\"", value));
    }
    return value;
  }

  std::string read_string() {
    std::string value;
    const char quote = next();
    while (peek() != quote) {
      if (peek() == '\n') fail("the string is not closed", "close it with the quote it began with, on the same line");
      const char c = next();
      // Strings in single quotes have no escapes.
      if (c == '\\' && quote == '"') {
        read_escape(value);
      } else {
        value += c;
      }
    }
    next();
    if (value.empty() && peek() == quote) fail("multi-line strings are not read", "write the string on one line");
    return value;
  }

  void read_escape(std::string& value) {
    constexpr std::string_view kNames = "btnfr\"\\";
    constexpr std::string_view kMeanings = "\b\t\n\f\r\"\\";
    const char c = peek() == '\n' ? '\0' : next();
    if (const auto place = kNames.find(c); place != std::string_view::npos) {
      value += kMeanings[place];
      return;
    }
    const std::string digits(text_.substr(place_, 4));
    if (c != 'u' || digits.size() != 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
      fail("unknown escape in a string", R"(write \\ for a backslash, or use single quotes)");
    }
    append_utf8(value, static_cast<unsigned>(std::stoul(digits, nullptr, 16)));
    place_ += digits.size();
  }

  std::string_view text_;
  const std::string& source_;
  std::size_t place_ = 0;
  int line_ = 1;
  std::string section_;
  std::set<std::string> sections_;
  std::set<std::string> keys_;
  std::vector<TomlEntry> entries_;
};

std::string toml_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

std::vector<TomlEntry> parse_toml(std::string_view text, const std::string& source) {
  return Reader(text, source).read();
}

std::string toml_value(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) {
    if (!out.empty()) out += ", ";
    out += is_bare_value(value) ? value : toml_string(value);
  }
  return values.size() == 1 ? out : "[" + out + "]";
}

}  // namespace mnist::cli
