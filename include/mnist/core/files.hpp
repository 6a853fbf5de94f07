// Files as a whole: reading one into memory with a bound, and replacing one so that a killed process leaves the old
// content or the new, never a part. Not for streaming large data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "mnist/core/file_system.hpp"
#include "mnist/core/output.hpp"

namespace mnist {

// The path as it stands in messages: in single quotes, control characters as \xNN, so that a file's name can neither
// break a line nor steer a terminal.
std::string quoted(const std::filesystem::path& path);

// The whole content of a regular file.
// Throws a data `Error` where it is missing, a folder, empty, larger than `max_bytes`, or unreadable; `what` names the
// role of the file in the message ("model file", "image").
std::string read_file(const std::filesystem::path& path, std::string_view what,
                      std::uintmax_t max_bytes = std::uintmax_t{4} << 30);

// A file that comes into being whole or not at all: written under a temporary name in the same folder, fsynced by
// `commit`, which then renames it over `path` and fsyncs the folder. Without `commit` (an exception, a signal that
// unwinds), and as soon as something fails, the temporary file is removed and `path` is as it was. A file that is
// replaced keeps its permissions; a symbolic link is followed, not replaced.
class AtomicFile : public Output {
 public:
  // Throws a data `Error` if the folder is missing or not writable: before any work is done for the content.
  explicit AtomicFile(std::filesystem::path path, FileSystem& files = FileSystem::system());
  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // Both throw a data `Error` on a full disk or an I/O error; nothing can be written after that. If it is the folder's
  // fsync that fails, `path` has the new content already, and a power cut may bring the old one back.
  void write(const void* bytes, std::size_t count) override;
  using Output::write;
  void commit() override;

 private:
  [[noreturn]] void fail(const char* action);
  void discard();

  std::filesystem::path path_;
  FileSystem& files_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

// `AtomicFile`, all at once.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           FileSystem& files = FileSystem::system());

// Removes the temporary files that killed processes of this program left in `folder`; those of living ones stay. How
// many. On a file system without locks that cannot be told, and they all stay. Throws nothing.
std::size_t remove_stale_temporaries(const std::filesystem::path& folder);

// Whether the name begins with a dot. Such files are not pictures that someone put there: macOS leaves a "._name.jpg"
// beside each "name.jpg".
bool is_hidden(const std::filesystem::path& path);

// <begin><ending>, or the first of <begin>2<ending>, <begin>3<ending>, ... where nothing is, not even a link to
// nowhere.
std::filesystem::path free_name(const std::filesystem::path& begin, const std::string& ending = "");

// Makes the folder and those above it, where it is not there. Throws a data `Error` with this hint.
void make_folder(const std::filesystem::path& path, const std::string& hint);

}  // namespace mnist
