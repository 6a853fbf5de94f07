// Whole files: read a file into memory with a size limit; replace a file atomically, so that a killed process leaves
// the old content or the new, never a part. Not for streaming large data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "mnist/core/file_system.hpp"
#include "mnist/core/output.hpp"

namespace mnist {

// The path as messages show it: in single quotes, with control characters as \xNN, so that a file name can neither
// break a line nor control a terminal.
std::string quoted(const std::filesystem::path& path);

// Returns the content of a regular file. Throws a data `Error` if it is missing, a folder, empty, larger than
// `max_bytes` or unreadable. `what` names the role of the file in messages ("model file", "image").
std::string read_file(const std::filesystem::path& path, std::string_view what,
                      std::uintmax_t max_bytes = std::uintmax_t{4} << 30);

// A file that is replaced as a whole or not at all. Bytes go to a temporary file in the same folder; `commit` calls
// fsync, renames it to `path` and calls fsync on the folder. If `commit` is not called (an exception), or if a call
// fails, the temporary file is removed and `path` is unchanged. The new file keeps the permissions of the old one. A
// symbolic link is followed, not replaced.
class AtomicFile : public Output {
 public:
  // Throws a data `Error` if the folder is missing or not writable, so that the error comes before the work.
  explicit AtomicFile(std::filesystem::path path, FileSystem& files = FileSystem::system());
  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // `write` and `commit` throw a data `Error` on a full disk or an I/O error; this object is unusable afterwards. If
  // only the fsync of the folder fails, `path` already has the new content, but a power cut may restore the old one.
  void write(const void* bytes, std::size_t count) override;
  using Output::write;
  void commit() override;
  std::filesystem::path commit_part() override;  // FILE.part, or with a number

 private:
  [[noreturn]] void fail(const char* action);
  void discard();

  std::filesystem::path path_;
  FileSystem& files_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

// Writes `bytes` with an `AtomicFile` and commits it.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           FileSystem& files = FileSystem::system());

// Removes temporary files that killed processes of this program left in `folder`, and returns their number. Files of
// running processes stay. On a file system without locks, running and killed processes look the same: all files stay.
// Does not throw.
std::size_t remove_stale_temporaries(const std::filesystem::path& folder);

// Whether the file name starts with a dot. Such files are not the user's pictures: macOS, for example, creates a
// "._name.jpg" for each "name.jpg".
bool is_hidden(const std::filesystem::path& path);

// Returns the first unused path of <begin><ending>, <begin>2<ending>, <begin>3<ending>, ...; a broken symbolic link
// counts as used.
std::filesystem::path unused_path(const std::filesystem::path& begin, const std::string& ending = "");

// Creates the folder and its missing parents. Returns false if it was there. Throws a data `Error` with `hint` if it
// cannot create it.
bool make_folder(const std::filesystem::path& path, const std::string& hint);

}  // namespace mnist
