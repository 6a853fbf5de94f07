#include "mnist/core/text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace mnist {

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(byte));
    } else {
      out += c;
    }
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
    nlohmann::json(text).dump();  // which is strict
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
