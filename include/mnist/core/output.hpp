// Where a result goes for which the user names a file: that file, which then comes into being whole or not at all, or a
// stream, which gets the bytes as they come: stdout ("-" or /dev/stdout), another open descriptor (/dev/fd/3), a pipe
// or a terminal. A stream is never replaced, and what it was given stays given.
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

  // Both throw a data `Error` if the bytes cannot be written.
  virtual void write(const void* bytes, std::size_t count) = 0;
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }

  // All is written. Without it a file is as it was before.
  virtual void commit() = 0;
};

// Whether `path` stands for a stream.
bool is_stream(const std::filesystem::path& path);

// The stream, or an `AtomicFile`. A pipe is waited for until somebody reads it. Throws a data `Error`, for a file as
// `AtomicFile` does.
std::unique_ptr<Output> open_output(const std::filesystem::path& path, FileSystem& files = FileSystem::system());

// `open_output`, all at once.
void write_output(const std::filesystem::path& path, std::string_view bytes, FileSystem& files = FileSystem::system());

// Throws the data `Error` that `open_output(path)` would throw, without leaving anything behind or waiting: for saying
// at the start of a long run that its result could not be saved.
void check_writable(const std::filesystem::path& path);

}  // namespace mnist
