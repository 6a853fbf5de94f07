#include "mnist/core/open_file.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mnist/core/file_system.hpp"

namespace mnist {
namespace {

int flags_of(OpenFor purpose) {
  switch (purpose) {
    case OpenFor::reading:
      // Without O_NONBLOCK, opening a pipe without a writer would block and ignore signals.
      return O_RDONLY | O_NONBLOCK | O_NOCTTY;
    case OpenFor::new_file:
      return O_WRONLY | O_CREAT | O_EXCL;
    case OpenFor::appending:
      return O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK;
    case OpenFor::stream:
      return O_WRONLY | O_NOCTTY;
    case OpenFor::syncing:
      return O_RDONLY;
    case OpenFor::sync_folder:
      return O_RDONLY | O_DIRECTORY;
  }
  return O_RDONLY;
}

FileType type_of(mode_t mode) {
  if (S_ISREG(mode)) return FileType::regular;
  if (S_ISDIR(mode)) return FileType::folder;
  if (S_ISFIFO(mode)) return FileType::pipe;
  if (S_ISSOCK(mode)) return FileType::socket;
  return S_ISCHR(mode) ? FileType::character_device : FileType::other;
}

std::optional<FileStatus> status_from(int result, const struct stat& status) {
  if (result != 0) return std::nullopt;
  return FileStatus{.type = type_of(status.st_mode),
                    .size = static_cast<std::uintmax_t>(status.st_size),
                    .links = status.st_nlink,
                    .permissions = status.st_mode & 07777U,
                    .device = static_cast<std::uint64_t>(status.st_dev),
                    .number = status.st_ino};
}

}  // namespace

int open_file(const std::filesystem::path& path, OpenFor purpose, unsigned permissions) {
  return ::open(path.c_str(), flags_of(purpose) | O_CLOEXEC, permissions);
}

int close_file(int descriptor) {
  return ::close(descriptor);
}

int duplicate(int descriptor) {
  return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
}

std::ptrdiff_t read_some(int descriptor, void* out, std::size_t count) {
  return ::read(descriptor, out, count);
}

std::ptrdiff_t read_some_at(int descriptor, std::uint64_t position, void* out, std::size_t count) {
  return ::pread(descriptor, out, count, static_cast<off_t>(position));
}

std::optional<FileStatus> status_of(const std::filesystem::path& path) {
  struct stat status {};
  return status_from(::stat(path.c_str(), &status), status);
}

std::optional<FileStatus> status_of(int descriptor) {
  struct stat status {};
  return status_from(::fstat(descriptor, &status), status);
}

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

bool is_at_start(int descriptor) {
  return ::lseek(descriptor, 0, SEEK_CUR) == 0;
}

bool is_open_for_writing(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

bool may_write(const std::filesystem::path& path) {
  return ::access(path.c_str(), W_OK) == 0;
}

void set_permissions(int descriptor, unsigned permissions) {
  ::fchmod(descriptor, static_cast<mode_t>(permissions));
}

int open_unnamed_file() {
#ifdef MFD_CLOEXEC
  if (const int descriptor = ::memfd_create("mnist", MFD_CLOEXEC); descriptor >= 0) return descriptor;
#endif
  std::FILE* const file = std::tmpfile();
  if (file == nullptr) return -1;
  const int descriptor = duplicate(::fileno(file));
  std::fclose(file);
  return descriptor;
}

bool wait_until_readable(int descriptor, std::chrono::milliseconds patience) {
  pollfd wait{descriptor, POLLIN, 0};
  return ::poll(&wait, 1, static_cast<int>(patience.count())) > 0;
}

int open_lock_file(const std::filesystem::path& path, bool create) {
  constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  const int descriptor = ::open(path.c_str(), O_RDWR | (create ? O_CREAT : 0) | kFlags, 0666);
  const bool is_read_only = descriptor < 0 && (errno == EACCES || errno == EPERM || errno == EROFS);
  return is_read_only ? ::open(path.c_str(), O_RDONLY | kFlags) : descriptor;
}

LockResult try_lock(int descriptor, Lock lock) {
  const int kind = lock == Lock::exclusive ? LOCK_EX : LOCK_SH;
  if (retry_if_interrupted([&] { return ::flock(descriptor, kind | LOCK_NB); }) == 0) return LockResult::locked;
  return errno == EWOULDBLOCK ? LockResult::busy : LockResult::failed;
}

std::ptrdiff_t FileSystem::write(int descriptor, const void* bytes, std::size_t count) {
  return ::write(descriptor, bytes, count);
}

int FileSystem::fsync(int descriptor) {
#ifdef F_FULLFSYNC
  // On macOS, fsync leaves the data in the drive's cache. Not every file system has the other call.
  if (::fcntl(descriptor, F_FULLFSYNC) == 0) return 0;
#endif
  return ::fsync(descriptor);
}

int FileSystem::truncate(int descriptor, std::uintmax_t size) {
  return ::ftruncate(descriptor, static_cast<off_t>(size));
}

int FileSystem::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  return ::rename(from.c_str(), to.c_str());
}

int FileSystem::unlink(const std::filesystem::path& path) {
  return ::unlink(path.c_str());
}

}  // namespace mnist
