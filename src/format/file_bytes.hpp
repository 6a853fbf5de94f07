// Random access to the bytes of a model file, so that readers allocate only the memory that they need, not what a file
// claims.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "mnist/core/input_file.hpp"

namespace mnist {

class FileBytes {
 public:
  // `what`: the file's role in messages, "model file". Throws a data `Error` like `InputFile`.
  FileBytes(const std::filesystem::path& path, std::string_view what);

  const std::string& name() const { return name_; }  // as in "model file 'x.pt'"
  std::uint64_t size() const { return file_.size(); }

  // Copies `count` bytes from `offset`; the caller must check that they are within `size()`. Throws a data `Error` if
  // the file became shorter after it was opened.
  void read(std::uint64_t offset, void* out, std::size_t count) const;
  std::string read(std::uint64_t offset, std::size_t count) const;

  // CRC-32 of the bytes; `crc`: the CRC of the preceding bytes.
  std::uint32_t crc32(std::uint64_t offset, std::uint64_t count, std::uint32_t crc = 0) const;

  // SHA-256 of the bytes, 64 hexadecimal digits.
  std::string sha256(std::uint64_t offset, std::uint64_t count) const;

 private:
  template <typename Use>
  void read_in_parts(std::uint64_t offset, std::uint64_t count, const Use& use) const;

  InputFile file_;
  std::string name_;
};

}  // namespace mnist
