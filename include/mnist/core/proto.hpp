// Writes messages of Protocol Buffers, byte by byte, in the wire format of
// protobuf.dev/programming-guides/encoding. The caller knows the numbers and types of the fields. Not for reading.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mnist {

// A message, field after field in the order of the calls; a repeated field is one call per value. The same calls give
// the same bytes. Fields whose value is the default may be left out.
class ProtoMessage {
 public:
  // int32, int64, uint32, uint64, bool or enum. A negative int32 or int64: its two's complement of 64 bits.
  ProtoMessage& integer(int field, std::uint64_t value);
  // double
  ProtoMessage& real(int field, double value);
  // float
  ProtoMessage& single(int field, float value);
  // A string, bytes or an embedded message. Strings must be UTF-8.
  ProtoMessage& text(int field, std::string_view bytes);
  ProtoMessage& message(int field, const ProtoMessage& part) { return text(field, part.bytes_); }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value);
  void key(int field, unsigned wire_type);

  std::string bytes_;
};

}  // namespace mnist
