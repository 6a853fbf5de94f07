// The page to draw a digit, which the server returns for "/".
#pragma once

#include <string>

namespace mnist {

struct DrawPage {
  std::string html;                     // whole: style sheet and scripts are inside
  std::string content_security_policy;  // value of the header Content-Security-Policy
};

// The policy allows the scripts and the style sheet of the page by their SHA-256, requests to the server that sent it,
// and nothing else. Always the same; make it once.
DrawPage draw_page();

}  // namespace mnist
