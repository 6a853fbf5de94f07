// The system calls that change files, as virtual functions, so that a test can make each of them fail. To write whole
// files or rows, use `files.hpp` or `append_file.hpp`. Not for reading, not for folders.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "mnist/core/error.hpp"
#include "mnist/core/open_file.hpp"

namespace mnist {

// Each function is the POSIX call of that name: if it fails, it returns -1 and sets `errno`. Files are written as
// bytes, on Windows too.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual int open(const std::filesystem::path& path, OpenFor purpose, unsigned permissions);
  virtual std::ptrdiff_t write(int descriptor, const void* bytes, std::size_t count);
  virtual int fsync(int descriptor);
  virtual int truncate(int descriptor, std::uintmax_t size);
  virtual int close(int descriptor);  // the descriptor is invalid afterwards, even on failure
  virtual int rename(const std::filesystem::path& from, const std::filesystem::path& to);
  virtual int unlink(const std::filesystem::path& path);

  // The real system calls. Has no state.
  static FileSystem& system();
};

// Repeats `call` while a signal interrupts it (EINTR) and returns its result. Not for `close` and `rename`, which may
// have taken effect before the interrupt.
template <typename Call>
auto retry_if_interrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Writes all bytes. If it fails, it returns false and sets `errno`; a part may be written then.
bool write_all(FileSystem& files, int descriptor, std::string_view bytes);

// Calls fsync on the folder, so that a rename or a new file in it survives a power cut. If it fails, it returns false
// and sets `errno`. Returns true if the file system does not support it.
bool sync_folder(FileSystem& files, const std::filesystem::path& folder);

// The same for the content of a file that another descriptor writes. Returns true also if the file does not exist.
bool sync_file(FileSystem& files, const std::filesystem::path& path);

// The `Error` to throw for an `errno` value: "cannot write 'a/b': No space left on device", with the fix as hint.
Error file_error(std::string_view action, const std::filesystem::path& path, int error);

// Whether an `errno` value says that no room is left: on the disk, or of the user's quota.
bool is_disk_full(int error);

// The folder of `path`; "." if `path` has no folder.
std::filesystem::path folder_of(const std::filesystem::path& path);

}  // namespace mnist
