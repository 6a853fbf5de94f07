#include "file_bytes.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "mnist/core/files.hpp"
#include "mnist/core/sha256.hpp"

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

// Calls `use(std::string_view)` with one part after another.
template <typename Use>
void FileBytes::read_in_parts(std::uint64_t offset, std::uint64_t count, const Use& use) const {
  constexpr std::uint64_t kPart = 256 << 10;  // stays in the cache
  std::string part(static_cast<std::size_t>(std::min(count, kPart)), '\0');
  for (const auto end = offset + count; offset < end; offset += part.size()) {
    part.resize(static_cast<std::size_t>(std::min(end - offset, kPart)));
    read(offset, part.data(), part.size());
    use(std::string_view(part));
  }
}

std::uint32_t FileBytes::crc32(std::uint64_t offset, std::uint64_t count, std::uint32_t crc) const {
  read_in_parts(offset, count, [&](std::string_view part) { crc = crc32_of(part, crc); });
  return crc;
}

std::string FileBytes::sha256(std::uint64_t offset, std::uint64_t count) const {
  Sha256 hash;
  read_in_parts(offset, count, [&](std::string_view part) { hash.update(part); });
  return hash.hex();
}

}  // namespace mnist
