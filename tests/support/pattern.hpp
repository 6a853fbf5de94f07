// Matchers of regular expressions (std::regex): those of GoogleTest know no [a-z] on Windows.
#pragma once

#include <regex>
#include <string>

#include <gmock/gmock.h>

namespace mnist::test {

MATCHER_P(MatchesPattern, pattern, "") {
  return std::regex_match(std::string(arg), std::regex(pattern));
}

MATCHER_P(ContainsPattern, pattern, "") {
  return std::regex_search(std::string(arg), std::regex(pattern));
}

}  // namespace mnist::test
