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

struct Character {
  std::size_t bytes = 1;
  std::size_t columns = 1;
};

bool is_continued(std::string_view text, std::size_t bytes) {
  const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; };
  return text.size() >= bytes && std::ranges::all_of(text.substr(1, bytes - 1), continues);
}

// East Asian ideographs and syllables, full-width forms and pictographs.
bool is_wide(std::uint32_t point) {
  return (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF && point != 0x303F) ||
         (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
         (point >= 0xFE30 && point <= 0xFE6F) || (point >= 0xFF00 && point <= 0xFF60) ||
         (point >= 0xFFE0 && point <= 0xFFE6) || (point >= 0x1F300 && point <= 0x1F64F) ||
         (point >= 0x1F900 && point <= 0x1F9FF) || (point >= 0x20000 && point <= 0x3FFFD);
}

// That a text in UTF-8 begins with; of anything else one byte.
Character first_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t bytes = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (bytes == 1 || !is_continued(text, bytes)) return {};
  std::uint32_t point = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) point = (point << 6) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  const bool combines = (point >= 0x300 && point <= 0x36F) || (point >= 0x200B && point <= 0x200F);
  return {bytes, combines ? 0U : is_wide(point) ? 2U : 1U};
}

// The bytes of as many of its characters, from the first on, as fit into so many columns.
std::size_t bytes_that_fit(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const Character next = first_character(text.substr(bytes));
    if (next.columns > columns) break;
    columns -= next.columns;
    bytes += next.bytes;
  }
  return bytes;
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

std::string as_utf8(const std::string& text) {
  const nlohmann::json json = text;
  return nlohmann::json::parse(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)).get<std::string>();
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character next = first_character(text);
    columns += next.columns;
    text.remove_prefix(next.bytes);
  }
  return columns;
}

std::string shortened(std::string_view text, std::size_t columns) {
  const std::size_t all = columns_of(text);
  if (all <= columns) return std::string(text);
  constexpr std::string_view kEllipsis = "\u2026";
  if (columns == 0) return "";
  const std::size_t tail = (columns - 1) / 2;
  const std::string_view head = text.substr(0, bytes_that_fit(text, columns - 1 - tail));
  // What is left out, from the first character on; with what combines with its last one.
  std::string_view rest = text;
  std::size_t left = all;
  while (left > tail || (!rest.empty() && first_character(rest).columns == 0)) {
    const Character next = first_character(rest);
    left -= next.columns;
    rest.remove_prefix(next.bytes);
  }
  return fmt::format("{}{}{}", head, kEllipsis, rest);
}

std::string padded(std::string_view text, std::size_t columns, Align align) {
  const std::size_t taken = columns_of(text);
  const std::string spaces(columns > taken ? columns - taken : 0, ' ');
  return align == Align::left ? std::string(text) + spaces : spaces + std::string(text);
}

std::string with_thousands(std::int64_t number) {
  if (number < 0) return fmt::format("-{}", with_thousands(-number));
  if (number < 1000) return std::to_string(number);
  return fmt::format("{},{:03}", with_thousands(number / 1000), number % 1000);
}

std::string counted(std::int64_t number, std::string_view noun) {
  const bool hisses = noun.ends_with('s') || noun.ends_with('x') || noun.ends_with("tch");
  return fmt::format("{} {}{}", with_thousands(number), noun, number == 1 ? "" : hisses ? "es" : "s");
}

}  // namespace mnist
