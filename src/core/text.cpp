#include "mnist/core/text.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace mnist {
namespace {

// The size in bytes of the control character at the start of the text; 0: there is none.
std::size_t control_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x20 || first == 0x7F) return 1;
  // U+0080 to U+009F in UTF-8: some terminals interpret them as control sequences.
  const bool pair = first == 0xC2 && text.size() > 1;
  const auto second = static_cast<unsigned char>(pair ? text[1] : 0);
  return second >= 0x80 && second < 0xA0 ? 2 : 0;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t bytes = control_bytes(text);
    if (bytes == 0) out += text.front();
    for (const char c : text.substr(0, bytes)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
    text.remove_prefix(std::max<std::size_t>(1, bytes));
  }
  return out;
}

std::string quoted_name(std::string_view name) {
  constexpr std::size_t kLongest = 100;
  return fmt::format("'{}{}'", printable(name.substr(0, kLongest)), name.size() > kLongest ? "..." : "");
}

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

bool is_utf8(const std::string& text) {
  try {
    nlohmann::json(text).dump();  // throws for invalid UTF-8
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string with_thousands(std::int64_t number) {
  if (number < 0) return fmt::format("-{}", with_thousands(-number));
  if (number < 1000) return std::to_string(number);
  return fmt::format("{},{:03}", with_thousands(number / 1000), number % 1000);
}

}  // namespace mnist
