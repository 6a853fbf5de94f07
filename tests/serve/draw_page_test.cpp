// The page itself is tested in a browser by scripts/check_page.
#include "draw_page.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mnist {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> contents_of(const std::string& html, const std::string& tag) {
  const std::string begin = "<" + tag + ">";
  std::vector<std::string> contents;
  for (std::size_t at = html.find(begin); at != std::string::npos; at = html.find(begin, at + 1)) {
    const std::size_t first = at + begin.size();
    contents.push_back(html.substr(first, html.find("</" + tag + ">", first) - first));
  }
  return contents;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(DrawPage, HasItsScriptsAndStyleInside) {
  const DrawPage page = draw_page();
  ASSERT_EQ(contents_of(page.html, "script").size(), 4U);
  ASSERT_EQ(contents_of(page.html, "style").size(), 1U);
  EXPECT_THAT(contents_of(page.html, "script").back(), HasSubstr("listen();\nstart();\n"));
  EXPECT_THAT(page.html, Not(HasSubstr("draw.css\"")));
  EXPECT_THAT(page.html, Not(HasSubstr("<script src")));
}

TEST(DrawPage, PolicyAllowsNothingElse) {
  const DrawPage page = draw_page();
  const std::string& policy = page.content_security_policy;
  EXPECT_EQ(policy.find("default-src 'none'; "), 0U);
  for (const char* part : {"img-src data: blob:; ", "connect-src 'self'; ", "base-uri 'none'; ", "form-action 'none'; ",
                           "frame-ancestors 'none'"}) {
    EXPECT_THAT(policy, HasSubstr(part));
  }
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
  EXPECT_THAT(policy, Not(HasSubstr("*")));
  EXPECT_EQ(count_of(policy, "'sha256-"), 5U);
  EXPECT_EQ(count_of(policy, "='"), 5U) << "the base64 of 32 bytes ends in one =";
}

// What the policy forbids would only be seen in a browser.
TEST(DrawPage, NeedsNothingElse) {
  const std::string html = draw_page().html;
  const std::string markup = html.substr(0, html.find("<style>")) + html.substr(html.find("</style>"));
  for (const char* forbidden : {" style=", " onclick=", " onload=", "src=\"http", "href=\"http"}) {
    EXPECT_THAT(markup, Not(HasSubstr(forbidden)));
  }
  for (const auto& script : contents_of(html, "script")) {
    EXPECT_THAT(script, Not(HasSubstr("innerHTML")));
    EXPECT_THAT(script, Not(HasSubstr("eval(")));
  }
}

}  // namespace
}  // namespace mnist
