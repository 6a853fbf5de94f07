// Files as a whole: reading one into memory with a bound, and replacing one so that a killed process leaves the old
// content or the new, never a part. Not for streaming large data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mnist {

// The path as it stands in messages: in single quotes, control characters as \xNN, so that a file's name can neither
// break a line nor steer a terminal.
std::string quoted(const std::filesystem::path& path);

// The whole content of a regular file.
// Throws a data `Error` where it is missing, a folder, empty, larger than `max_bytes`, or unreadable; `what` names the
// role of the file in the message ("model file", "image").
std::string read_file(const std::filesystem::path& path, std::string_view what,
                      std::uintmax_t max_bytes = std::uintmax_t{4} << 30);

// A file that comes into being whole or not at all: written under a temporary name in the same folder, flushed and
// fsynced by `commit`, which then renames it over `path` and fsyncs the folder. Without `commit` (an exception, a
// signal that unwinds) the destructor removes the temporary file and `path` is as it was. A file that is replaced
// keeps its permissions; a symbolic link is followed, not replaced.
class AtomicFile {
 public:
  // Throws a data `Error` where the folder is missing or not writable: before any work is done for the content.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Both throw a data `Error` on a full disk or an I/O error.
  void write(const void* bytes, std::size_t count);
  void write(std::string_view bytes) { write(bytes.data(), bytes.size()); }
  void commit();

 private:
  void fail(const std::string& what) const;

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

// `AtomicFile`, all at once.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

// Throws the data `Error` that `AtomicFile(path)` would throw, without leaving anything behind: for saying at the start
// of a long run that its result could not be saved.
void check_writable(const std::filesystem::path& path);

// Whether the name begins with a dot. Such files are not pictures that someone put there: macOS leaves a "._name.jpg"
// beside each "name.jpg".
bool is_hidden(const std::filesystem::path& path);

// Makes the folder and those above it, where it is not there. Throws a data `Error` with this hint.
void make_folder(const std::filesystem::path& path, const std::string& hint);

}  // namespace mnist
