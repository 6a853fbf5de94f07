// A file that grows by whole rows: metrics, a log. If a row cannot be written (full disk), `append` throws and the file
// keeps its previous content; the next row is tried as usual.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "mnist/core/file_system.hpp"

namespace mnist {

// Only one owner may append at a time: if a row fails, everything after the last good row is cut off,
// bytes of other writers included.
class AppendFile {
 public:
  // What `append` does if `is_lost()`: nobody would find the row, unless the file is rotated: moved, and opened again a
  // little later.
  enum class IfLost { throws, appends };

  // Opens the file for appending; creates it if it is missing. Throws a data `Error` if it cannot be opened.
  explicit AppendFile(std::filesystem::path path, FileSystem& files = FileSystem::system(),
                      IfLost if_lost = IfLost::throws);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  // Whether `path` no longer names this file: the file or its folder was removed or moved.
  bool is_lost() const;

  // Bytes of the whole rows.
  std::uintmax_t size() const { return size_; }

  // Appends `row`, which includes its line break. Throws a data `Error` if it cannot be written as a whole, or if
  // `is_lost()` (see `IfLost`).
  void append(std::string_view row);

  // Keeps only the first `size` bytes, for example to drop rows that were written after a checkpoint. Throws a data
  // `Error` if the file is shorter.
  void truncate(std::uintmax_t size);

 private:
  bool drop_partial_row();

  std::filesystem::path path_;
  FileSystem& files_;
  IfLost if_lost_;
  int descriptor_ = -1;
  std::uintmax_t size_ = 0;
  bool has_partial_row_ = false;  // of a row, after `size_`
};

}  // namespace mnist
