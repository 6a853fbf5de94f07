#include "html.hpp"

#include <fmt/format.h>

#include "mnist/core/base64.hpp"
#include "mnist/core/text.hpp"
#include "mnist/format/image.hpp"

namespace mnist {

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
