#include "mnist/core/base64.hpp"

#include <cstddef>
#include <cstdint>

namespace mnist {

std::string base64(std::string_view bytes) {
  constexpr const char* kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) {
    return i < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) : 0U;
  };
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (const int shift : {18, 12, 6, 0}) text += kBase64Digits[group >> shift & 63U];
    for (std::size_t missing = i + 3; missing > bytes.size(); --missing)
      text[text.size() - (missing - bytes.size())] = '=';
  }
  return text;
}

}  // namespace mnist
