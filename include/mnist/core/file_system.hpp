// The system's calls that change files, as a class, so that a test can have each of them fail. For what writes whole
// files and rows: `files.hpp` and `append_file.hpp`. Not for reading, and not for folders.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "mnist/core/error.hpp"

namespace mnist {

// Each call is that of POSIX: -1 and `errno` if it fails.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Descriptors are not inherited by other programs.
  virtual int open(const std::filesystem::path& path, int flags, unsigned mode);
  virtual std::ptrdiff_t write(int descriptor, const void* bytes, std::size_t count);
  virtual int fsync(int descriptor);
  virtual int truncate(int descriptor, std::uintmax_t size);
  virtual int close(int descriptor);  // the descriptor is gone, whatever the result
  virtual int rename(const std::filesystem::path& from, const std::filesystem::path& to);
  virtual int unlink(const std::filesystem::path& path);

  // The system's own, which has no state.
  static FileSystem& system();
};

// The result of `call`, made again as long as a signal interrupts it. Not for `close` and `rename`, which may be done
// then.
template <typename Call>
auto retried(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Writes all of it. False, and `errno`, if it cannot; then a part may be written.
bool write_all(FileSystem& files, int descriptor, std::string_view bytes);

// Makes a rename or a new file in the folder survive a power cut. False, and `errno`, if it cannot; true also if the
// file system has no such thing.
bool sync_folder(FileSystem& files, const std::filesystem::path& folder);

// The same for the bytes of a file that another descriptor writes; true also if there is no such file.
bool sync_file(FileSystem& files, const std::filesystem::path& path);

// What to throw for an `errno`: "cannot write 'a/b': No space left on device", and the remedy as hint.
Error file_error(std::string_view action, const std::filesystem::path& path, int error);

// The folder that `path` is in; "." if it names none.
std::filesystem::path folder_of(const std::filesystem::path& path);

}  // namespace mnist
