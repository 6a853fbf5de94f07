#include "zip_writer.hpp"

#include <concepts>

#include <fmt/format.h>

#include "bytes.hpp"
#include "crc.hpp"
#include "file_errors.hpp"
#include "zip_records.hpp"

namespace mnist {
namespace {

constexpr std::uint64_t kAlignment = 64;
constexpr std::uint64_t kMaxOffset = 0xffffffff;  // limit of 32-bit fields; zip64 entries are not written

void append(std::string& out, std::string_view bytes) {
  out += bytes;
}
template <std::unsigned_integral Integer>
void append(std::string& out, Integer value) {
  append_little_endian(out, value);
}

// Appends the fields of a record, each with the width of its type.
template <typename... Fields>
std::string record(const Fields&... fields) {
  std::string out;
  (append(out, fields), ...);
  return out;
}

// The extra field that moves a content from offset `begin` to the next multiple of 64.
std::string padding(std::uint64_t begin) {
  const auto size = static_cast<std::uint16_t>((kAlignment - begin % kAlignment) % kAlignment);
  return record("FB", size) + std::string(size, 'Z');
}

// FNV-1a, 64 bits.
std::uint64_t hash(std::string_view bytes) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const char byte : bytes) value = (value ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return value;
}

}  // namespace

void ZipWriter::write(std::string_view bytes) {
  output_.write(bytes);
  if (hash_) hash_->update(bytes);
  offset_ += bytes.size();
}

void ZipWriter::add(const std::string& name, std::string_view content) {
  if (content.size() > kMaxOffset || offset_ + content.size() > kMaxOffset) {
    throw data_error("a model of more than 4 GB cannot be written as a .pt file", "write a .safetensors file");
  }
  const auto begin = static_cast<std::uint32_t>(offset_);
  const auto crc = crc32_of(content);
  const auto size = static_cast<std::uint32_t>(content.size());
  const auto name_size = static_cast<std::uint16_t>(name.size());
  // PyTorch omits the descriptor of empty entries.
  const auto flags = static_cast<std::uint16_t>(content.empty() ? kUtf8 : kUtf8 | kHasDescriptor);
  const std::uint16_t zero = 0;
  const std::uint32_t zeros = 0;

  const auto extra = padding(offset_ + 30 + name.size() + 4);
  // Version needed; flags; method, time, date; checksum, both sizes.
  write(record(kLocalSignature, zero, flags, zero, zero, zero, zeros, zeros, zeros, name_size,
               static_cast<std::uint16_t>(extra.size()), name, extra));
  write(content);
  if (!content.empty()) write(record(kDescriptorSignature, crc, size, size));

  // Made by, version needed; flags; method, time, date; ...; extra, comment, disk, attributes; place.
  directory_ += record(kEntrySignature, zero, zero, flags, zero, zero, zero, crc, size, size, name_size, zero, zero,
                       zero, zero, zeros, begin, name);
  ++count_;
}

std::string ZipWriter::content_id() const {
  // Two halves, like PyTorch; the directory contains all names and checksums.
  return fmt::format("{:020}{:020}", hash(directory_), hash(directory_ + std::to_string(offset_)));
}

void ZipWriter::finish() {
  const auto begin = offset_;
  const auto size = static_cast<std::uint64_t>(directory_.size());
  if (begin + size > kMaxOffset || count_ > 0xffff) {
    throw data_error("a model of more than 4 GB or 65,535 tensors cannot be written as a .pt file",
                     "write a .safetensors file");
  }
  write(directory_);
  const std::uint16_t zero = 0;
  const std::uint32_t zeros = 0;
  const auto end64 = offset_;
  const std::uint64_t end64_size = 44;  // of what follows in this record
  write(record(kEnd64Signature, end64_size, std::uint16_t{0x031e}, std::uint16_t{45}, zeros, zeros, count_, count_,
               size, begin));
  write(record(kLocator64Signature, zeros, end64, std::uint32_t{1}));
  write(record(kEndSignature, zero, zero, static_cast<std::uint16_t>(count_), static_cast<std::uint16_t>(count_),
               static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(begin),
               static_cast<std::uint16_t>(hash_ ? kCommentSize : 0)));
  if (hash_) {
    write(kHashComment);
    output_.write(hash_->hex());
  }
}

}  // namespace mnist
