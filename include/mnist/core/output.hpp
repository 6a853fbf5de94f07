// The destination that a user names for a result. A file is written atomically: as a whole or not at all. A stream gets
// the bytes at once: stdout ("-" or /dev/stdout), another open descriptor (/dev/fd/3), a pipe or a terminal. A stream
// is never replaced, and bytes that were written to it cannot be taken back.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string_view>

#include "mnist/core/file_system.hpp"

namespace mnist {

class Output {
 public:
  virtual ~Output() = default;

  // Throw a data `Error` if the bytes cannot be written.
  virtual void write(const void* bytes, std::size_t count) = 0;
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }

  // Call it after the last `write`. Without it, a file keeps its old content.
  virtual void commit() = 0;

  // The same for incomplete bytes, which become another file beside it, whose path is returned. Does nothing for a
  // stream and returns "".
  virtual std::filesystem::path commit_part() = 0;
};

// Whether `path` names a stream.
bool is_stream(const std::filesystem::path& path);

// Opens the stream or an `AtomicFile`. Opening a pipe waits until a process reads it. Throws a data `Error` if it
// cannot be opened.
std::unique_ptr<Output> open_output(const std::filesystem::path& path, FileSystem& files = FileSystem::system());

// Writes `bytes` to `open_output(path)` and commits.
void write_output(const std::filesystem::path& path, std::string_view bytes, FileSystem& files = FileSystem::system());

// Throws the data `Error` that `open_output(path)` would throw, but creates nothing and does not wait. Call it at the
// start of a long run, so that the run does not fail when it saves its result.
void check_writable(const std::filesystem::path& path);

}  // namespace mnist
