// A file of rows that outlives a full disk and a folder that is gone for a while: what cannot be written waits in
// memory, and is tried again with the next row. No run ends for a row.
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
  // Continues a file behind its first `size` bytes; 0: a new one, which begins with `header`. Keeps `files` and `log`,
  // which is told when rows begin to wait, when they are written, and of rows that are gone. Throws a data `Error` if
  // the file cannot be made.
  RowFile(std::filesystem::path path, std::uint64_t size, std::string header, spdlog::logger& log,
          FileSystem& files = FileSystem::system());

  void append(std::string_view row);

  // Tries again what waits, for the last time: tells the log what is lost.
  void finish();

  // Bytes of all rows, those that wait included.
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
  bool told_ = false;  // what is missing at the end
};

}  // namespace mnist
