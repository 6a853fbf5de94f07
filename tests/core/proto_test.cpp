// Protocol Buffers' wire format: the examples of its documentation, and the limits of the types.
#include "mnist/core/proto.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace mnist {
namespace {

std::string hex(const ProtoMessage& message) {
  std::string text;
  for (const char byte : message.bytes()) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

TEST(ProtoMessage, HasIntegersInGroupsOfSevenBits) {
  const auto encoded = [](std::uint64_t value) { return hex(ProtoMessage().integer(1, value)); };
  EXPECT_EQ(encoded(0), "0800");
  EXPECT_EQ(encoded(127), "087f");
  EXPECT_EQ(encoded(128), "088001");
  EXPECT_EQ(encoded(150), "089601") << "the example of protobuf's documentation";
  EXPECT_EQ(encoded(~std::uint64_t{0}), "08ffffffffffffffffff01");
  EXPECT_EQ(hex(ProtoMessage().integer(16, 1)), "800101") << "a field with a number of two bytes";
}

TEST(ProtoMessage, HasRealsInLittleEndian) {
  EXPECT_EQ(hex(ProtoMessage().real(1, 1.5)), "09000000000000f83f");
  EXPECT_EQ(hex(ProtoMessage().single(2, 0.5F)), "150000003f");
}

TEST(ProtoMessage, HasTextsAndMessagesWithTheirLengths) {
  EXPECT_EQ(hex(ProtoMessage().text(2, "testing")), "120774657374696e67") << "the example of protobuf's documentation";
  EXPECT_EQ(hex(ProtoMessage().message(3, ProtoMessage().integer(1, 150))), "1a03089601");
  EXPECT_EQ(hex(ProtoMessage().text(1, std::string(200, 'x'))).substr(0, 6), "0ac801");
  EXPECT_EQ(hex(ProtoMessage()), "");
}

}  // namespace
}  // namespace mnist
