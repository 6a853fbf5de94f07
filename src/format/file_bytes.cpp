#include "file_bytes.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "mnist/core/files.hpp"

#include "crc.hpp"
#include "file_errors.hpp"

namespace mnist {

FileBytes::FileBytes(const std::filesystem::path& path, std::string_view what)
    : file_(path, what), name_(fmt::format("{} {}", what, quoted(path))) {}

void FileBytes::read(std::uint64_t offset, void* out, std::size_t count) const {
  if (file_.read_at(offset, out, count) != count) throw truncated_error(name_, "it became shorter while it was read");
}

std::string FileBytes::read(std::uint64_t offset, std::size_t count) const {
  std::string bytes(count, '\0');
  read(offset, bytes.data(), count);
  return bytes;
}

std::uint32_t FileBytes::crc32(std::uint64_t offset, std::uint64_t count, std::uint32_t crc) const {
  constexpr std::uint64_t kPart = 256 << 10;  // stays in the cache
  std::string part(static_cast<std::size_t>(std::min(count, kPart)), '\0');
  for (const auto end = offset + count; offset < end; offset += part.size()) {
    part.resize(static_cast<std::size_t>(std::min(end - offset, kPart)));
    read(offset, part.data(), part.size());
    crc = crc32_of(part, crc);
  }
  return crc;
}

}  // namespace mnist
