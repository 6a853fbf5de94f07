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

TEST(Text, ColumnsAreThoseOfATerminal) {
  EXPECT_EQ(columns_of("ants"), 4u);
  EXPECT_EQ(columns_of("\xC3\xA4\xE2\x82\xAC"), 2u);          // two letters of two and three bytes
  EXPECT_EQ(columns_of("\xE7\x8C\xAB\xF0\x9F\x90\x88"), 4u);  // an ideograph and a pictograph: two each
  EXPECT_EQ(columns_of("a\xCC\x88"), 1u);                     // with a combining diaeresis
  EXPECT_EQ(columns_of("\xFF\xC3"), 2u) << "bytes that are no UTF-8";
}

TEST(Text, LongNamesLoseTheirMiddle) {
  EXPECT_EQ(shortened("hymenoptera", 11), "hymenoptera");
  EXPECT_EQ(shortened("hymenoptera", 7),
            "hym\xE2\x80\xA6"
            "era");
  EXPECT_EQ(shortened("hymenoptera", 4),
            "hy\xE2\x80\xA6"
            "a");
  EXPECT_EQ(shortened("hymenoptera", 1), "\xE2\x80\xA6");
  EXPECT_EQ(shortened("hymenoptera", 0), "");
  const std::string cats = "\xE7\x8C\xAB\xE7\x8C\xAB\xE7\x8C\xAB\xE7\x8C\xAB";
  for (std::size_t columns = 1; columns < 8; ++columns) {
    EXPECT_LE(columns_of(shortened(cats, columns)), columns);
    EXPECT_TRUE(is_utf8(shortened(cats, columns))) << "cut within a character";
  }
}

TEST(Text, PaddedByColumnsNotByBytes) {
  EXPECT_EQ(padded("\xC3\xA4", 3), "\xC3\xA4  ");
  EXPECT_EQ(padded("\xE7\x8C\xAB", 3, Align::right), " \xE7\x8C\xAB");
  EXPECT_EQ(padded("ants", 2), "ants");
}

TEST(Text, CountsHaveTheFormOfTheirNumber) {
  EXPECT_EQ(counted(1, "epoch"), "1 epoch");
  EXPECT_EQ(counted(2, "epoch"), "2 epochs");
  EXPECT_EQ(counted(0, "class"), "0 classes");
  EXPECT_EQ(counted(1000, "batch"), "1,000 batches");
}

TEST(AsUtf8, ReplacesOtherBytes) {
  EXPECT_EQ(as_utf8("a\xFF\xC3"
                    "b"),
            "a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(as_utf8("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(as_utf8(""), "");
}

}  // namespace
}  // namespace mnist
