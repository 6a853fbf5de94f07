#include "mnist/core/proto.hpp"

#include <bit>
#include <cstddef>

namespace mnist {
namespace {

// Fixed-size values are little-endian.
template <typename Integer>
void append_fixed(std::string& bytes, Integer value) {
  constexpr unsigned kBits = 8;
  for (std::size_t byte = 0; byte < sizeof value; ++byte) {
    bytes += static_cast<char>(static_cast<unsigned char>(value >> (kBits * byte)));
  }
}

}  // namespace

void ProtoMessage::varint(std::uint64_t value) {
  constexpr unsigned kBits = 7;
  constexpr std::uint64_t kMore = 0x80;
  while (value >= kMore) {
    bytes_ += static_cast<char>(static_cast<unsigned char>((value & (kMore - 1)) | kMore));
    value >>= kBits;
  }
  bytes_ += static_cast<char>(value);
}

void ProtoMessage::key(int field, unsigned wire_type) {
  constexpr unsigned kTypeBits = 3;
  varint((static_cast<std::uint64_t>(field) << kTypeBits) | wire_type);
}

ProtoMessage& ProtoMessage::integer(int field, std::uint64_t value) {
  key(field, 0);
  varint(value);
  return *this;
}

ProtoMessage& ProtoMessage::real(int field, double value) {
  key(field, 1);
  append_fixed(bytes_, std::bit_cast<std::uint64_t>(value));
  return *this;
}

ProtoMessage& ProtoMessage::single(int field, float value) {
  constexpr unsigned kFixed32 = 5;
  key(field, kFixed32);
  append_fixed(bytes_, std::bit_cast<std::uint32_t>(value));
  return *this;
}

ProtoMessage& ProtoMessage::text(int field, std::string_view bytes) {
  key(field, 2);
  varint(bytes.size());
  bytes_ += bytes;
  return *this;
}

}  // namespace mnist
