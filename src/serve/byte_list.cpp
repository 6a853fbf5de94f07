#include "byte_list.hpp"

#include <utility>

namespace mnist {
namespace {

constexpr std::size_t kMostNumbers = 1'000'000;  // as many values as JSON from a client may have

// Moves through the text. Every function returns whether it found what it looks for; if not, the position is of no use.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::size_t position() const { return at_; }

  bool take(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  // From the beginning of an object to the value of that member.
  bool enter_member(std::string_view name) {
    if (!take('{')) return false;
    for (;;) {
      skip_space();
      const std::size_t begin = at_ + 1;
      if (!skip_string()) return false;
      const bool found = text_.substr(begin, at_ - 1 - begin) == name;
      if (!take(':')) return false;
      if (found) return true;
      if (!skip_value() || !take(',')) return false;
    }
  }

  // A flat list of bytes.
  bool take_bytes(std::vector<std::uint8_t>& bytes) {
    if (!take('[')) return false;
    for (;;) {
      skip_space();
      unsigned value = 0;
      if (!take_byte(value) || bytes.size() == kMostNumbers) return false;
      bytes.push_back(static_cast<std::uint8_t>(value));
      skip_space();
      if (at_ == text_.size()) return false;
      const char next = text_[at_++];
      if (next == ']') return true;
      if (next != ',') return false;
    }
  }

 private:
  static bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  bool take_byte(unsigned& value) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_]) && value <= 255) {
      value = 10 * value + static_cast<unsigned>(text_[at_++] - '0');
    }
    const std::size_t digits = at_ - begin;
    return digits > 0 && value <= 255 && (digits == 1 || text_[begin] != '0');
  }

  bool skip_string() {
    if (at_ == text_.size() || text_[at_] != '"') return false;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == '"') {
        ++at_;
        return true;
      }
    }
    return false;
  }

  // Up to the comma or the bracket after the value.
  bool skip_value() {
    std::size_t depth = 0;
    for (; at_ < text_.size(); ++at_) {
      switch (text_[at_]) {
        case '"':
          if (!skip_string()) return false;
          --at_;
          break;
        case '{':
        case '[':
          ++depth;
          break;
        case '}':
        case ']':
          if (depth == 0) return true;
          --depth;
          break;
        case ',':
          if (depth == 0) return true;
          break;
        default:
          break;
      }
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<ByteList> find_byte_list(std::string_view json) {
  Scanner scanner(json);
  if (!scanner.enter_member("inputs") || !scanner.take('[') || !scanner.enter_member("data")) return std::nullopt;
  ByteList list{scanner.position(), 0, {}};
  if (!scanner.take_bytes(list.bytes)) return std::nullopt;
  list.end = scanner.position();
  return list;
}

}  // namespace mnist
