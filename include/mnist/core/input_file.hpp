// A regular file that is read piece by piece: for readers that look at a header before they take memory for the rest.
// For a small file as a whole use `read_file`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mnist {

class InputFile {
 public:
  // `what` names the role of the file in messages ("model file", "image").
  // Throws a data `Error` if it is missing, a folder, no regular file, empty, or cannot be opened.
  InputFile(std::filesystem::path path, std::string_view what);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // bytes, when it was opened; at least 1

  // The next bytes: `count` of them, fewer only at the end. Returns how many. Throws a data `Error` on an I/O error.
  std::size_t read(void* out, std::size_t count);

  // The bytes from `position` on, as `read` gives them; what `read` gives next stays the same.
  std::size_t read_at(std::uint64_t position, void* out, std::size_t count) const;

 private:
  std::filesystem::path path_;
  std::string what_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace mnist
