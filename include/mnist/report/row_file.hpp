// A file of rows that survives a full disk and a folder that is missing for some time: rows that cannot be written stay
// in memory until the next row is written. A failure does not end the run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <spdlog/logger.h>

#include "mnist/core/append_file.hpp"
#include "mnist/core/file_system.hpp"

namespace mnist {

class RowFile {
 public:
  // Continues a file after its first `size` bytes; 0: a new file, which starts with `header`. Keeps references to
  // `files` and `log`. Warns in the log if rows cannot be written, and if rows are missing. Throws a data `Error` if
  // the file cannot be created.
  RowFile(std::filesystem::path path, std::uint64_t size, std::string header, spdlog::logger& log,
          FileSystem& files = FileSystem::system());

  void append(std::string_view row);

  // Tries for the last time to write the waiting rows; logs what is lost.
  void finish();

  // Bytes of all rows, including waiting ones.
  std::uint64_t size() const { return size_; }

 private:
  void open();
  void write_waiting();

  std::filesystem::path path_;
  std::string header_;
  spdlog::logger& log_;
  FileSystem& files_;
  std::optional<AppendFile> file_;
  std::uint64_t size_ = 0;
  std::string waiting_;
  bool failing_ = false;
  bool told_ = false;  // whether missing rows were reported
};

}  // namespace mnist
