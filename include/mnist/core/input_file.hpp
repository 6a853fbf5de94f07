// A regular file that is read in pieces: for readers that check a header before they allocate memory. To read a small
// file as a whole, use `read_file`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mnist {

class InputFile {
 public:
  // `what` names the role of the file in messages ("model file", "image"). Throws a data `Error` if the file is
  // missing, a folder, not a regular file, empty, or cannot be opened.
  InputFile(std::filesystem::path path, std::string_view what);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // bytes at the time of opening; at least 1

  // Reads the next `count` bytes; fewer only at the end of the file. Returns the number of bytes. Throws a data `Error`
  // on an I/O error.
  std::size_t read(void* out, std::size_t count);

  // Like `read`, but starts at byte `position` and does not move the position of `read`.
  std::size_t read_at(std::uint64_t position, void* out, std::size_t count) const;

 private:
  std::filesystem::path path_;
  std::string what_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace mnist
