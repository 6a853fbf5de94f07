// A file that grows row by row and is whole after each of them: metrics, a log. A row that cannot be written (full
// disk) is an error of that row: the file stays as it was before, and the next one is tried anew.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "mnist/core/file_system.hpp"

namespace mnist {

// One owner at a time: what others append to the file meanwhile would be cut off with a row that failed.
class AppendFile {
 public:
  // Opens the file at its end; makes it if there is none. Throws a data `Error`.
  explicit AppendFile(std::filesystem::path path, FileSystem& files = FileSystem::system());
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // Whether the path does not name the file any more: it was removed, moved, or its folder was.
  bool is_lost() const;

  // Bytes, of whole rows only.
  std::uintmax_t size() const { return size_; }

  // Adds `row`, which brings its own line break. Throws a data `Error` if it cannot be written whole, and if the file
  // is lost, because nobody looks for the row where it would go then.
  void append(std::string_view row);

  // Takes away what is behind the first `size` bytes, such as what was written after a checkpoint. Throws a data
  // `Error` if the file is shorter than that.
  void truncate(std::uintmax_t size);

 private:
  bool cut();

  std::filesystem::path path_;
  FileSystem& files_;
  int descriptor_ = -1;
  std::uintmax_t size_ = 0;
  bool has_part_ = false;  // of a row, behind `size_`
};

}  // namespace mnist
