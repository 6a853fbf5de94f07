#include "html.hpp"

#include <cstdint>

#include <fmt/format.h>

#include "mnist/core/text.hpp"
#include "mnist/format/image.hpp"

namespace mnist {
namespace {

std::string base64(const std::string& bytes) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [&](std::size_t i) {
    return i < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) : 0U;
  };
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (const int shift : {18, 12, 6, 0}) text += kDigits[group >> shift & 63U];
    for (std::size_t missing = i + 3; missing > bytes.size(); --missing)
      text[text.size() - (missing - bytes.size())] = '=';
  }
  return text;
}

}  // namespace

std::string html_text(const std::string& text) {
  std::string out;
  for (const char c : printable(as_utf8(text))) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string image_address(const torch::Tensor& pixels) {
  return "data:image/png;base64," + base64(png_bytes(pixels.permute({1, 2, 0})));
}

std::string fact_table(const std::vector<std::pair<std::string, std::string>>& rows) {
  if (rows.empty()) return "";
  std::string table = "<table class=\"facts\"><tbody>\n";
  for (const auto& [heading, text] : rows) {
    table += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", html_text(heading), html_text(text));
  }
  return table + "</tbody></table>\n";
}

std::string wide_table(const std::string& name, const std::string& table) {
  return fmt::format("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"{}\">{}</div>\n", html_text(name),
                     table);
}

std::string page_section(const std::string& heading, const std::string& content) {
  if (content.empty()) return "";
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", html_text(heading), content);
}

}  // namespace mnist
