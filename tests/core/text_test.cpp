#include "mnist/core/text.hpp"

#include <gtest/gtest.h>

namespace mnist {
namespace {

TEST(Text, ControlCharactersArePrintedAsHex) {
  EXPECT_EQ(printable("a\x1b[31m\n\t\x7f"), "a\\x1b[31m\\x0a\\x09\\x7f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  // U+009B alone starts a control sequence.
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(printable("\xC2"), "\xC2");
  EXPECT_EQ(printable(""), "");
}

TEST(Text, LettersAreLeftAlone) {
  for (const char* text : {"digit", "\xC2\xA9 \xC3\xA4 \xE2\x82\xAC", "caf\xE9"}) EXPECT_EQ(printable(text), text);
}

TEST(Text, LongNamesAreCut) {
  EXPECT_EQ(quoted_name("x\n"), "'x\\x0a'");
  EXPECT_EQ(quoted_name(std::string(101, 'x')), "'" + std::string(100, 'x') + "...'");
}

}  // namespace
}  // namespace mnist
