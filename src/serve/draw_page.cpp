#include "draw_page.hpp"

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "mnist/core/base64.hpp"
#include "mnist/core/sha256.hpp"

#include "draw_page_files.hpp"

namespace mnist {
namespace {

// The source expression of a policy for an inline text.
std::string hash_source(std::string_view text) {
  const std::string hex = sha256_hex(text);
  std::string digest;
  for (std::size_t i = 0; i < hex.size(); i += 2) digest += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return fmt::format("'sha256-{}'", base64(digest));
}

// Puts a file in the place of the element that refers to it.
void put_inline(std::string& html, const std::string& reference, const std::string& tag, std::string_view text) {
  const auto place = html.find(reference);
  if (place == std::string::npos) throw std::logic_error("draw.html does not contain " + reference);
  html.replace(place, reference.size(), fmt::format("<{0}>{1}</{0}>", tag, text));
}

}  // namespace

DrawPage draw_page() {
  struct Script {
    const char* name;
    std::string_view text;
  };
  constexpr std::array kScripts{Script{"ask.js", kAskJs}, Script{"answer.js", kAnswerJs}, Script{"pad.js", kPadJs},
                                Script{"draw.js", kDrawJs}};
  DrawPage page{std::string(kDrawHtml), ""};
  put_inline(page.html, "<link rel=\"stylesheet\" href=\"draw.css\">", "style", kDrawCss);
  std::string sources;
  for (const auto& [name, text] : kScripts) {
    put_inline(page.html, fmt::format("<script src=\"{}\"></script>", name), "script", text);
    sources += ' ';
    sources += hash_source(text);
  }
  page.content_security_policy = fmt::format(
      "default-src 'none'; script-src{}; style-src {}; img-src data: blob:; connect-src 'self'; base-uri 'none'; "
      "form-action 'none'; frame-ancestors 'none'",
      sources, hash_source(kDrawCss));
  return page;
}

}  // namespace mnist
