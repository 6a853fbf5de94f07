// What the standard streams are connected to.
#include "mnist/core/terminal.hpp"

#include <cstdio>
#include <unistd.h>

#include <gtest/gtest.h>

namespace mnist {
namespace {

TEST(Terminal, AFileIsNone) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  const int former = ::dup(STDERR_FILENO);
  ::dup2(::fileno(file), STDERR_FILENO);
  const bool terminal = is_terminal(Stream::err);
  const int width = terminal_width(Stream::err);
  ::dup2(former, STDERR_FILENO);
  ::close(former);
  std::fclose(file);
  EXPECT_FALSE(terminal);
  EXPECT_EQ(width, 80);
}

}  // namespace
}  // namespace mnist
