#include "mnist/core/input_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/file_system.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/signals.hpp"

namespace mnist {
namespace {

constexpr std::uint64_t kMostOfStream = std::uint64_t{1} << 30;  // bytes

// `cause`: an errno.
Error unreadable(const std::filesystem::path& path, std::string_view what, int cause) {
  if (cause == ENOENT) {
    return data_error(fmt::format("there is no {} {}", path.has_filename() ? what : "folder", quoted(path)),
                      "check the path and its spelling");
  }
  return data_error(fmt::format("cannot read {} {}: {}", what, quoted(path), std::generic_category().message(cause)),
                    cause == EACCES ? "check the file's permissions" : "");
}

int open_input(const std::filesystem::path& path) {
  // Opening /dev/stdin would read a file from its start again, and a socket cannot be opened by name.
  if (is_stdin(path)) return ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  // Without O_NONBLOCK, opening a pipe without a writer would block and ignore signals.
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

// Whether it can only be read in order. For stdin also /dev/null, and a file that another process has started to read.
bool is_stream(int descriptor, const struct stat& status, bool from_stdin) {
  if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) return true;
  return from_stdin && (!S_ISREG(status.st_mode) || ::lseek(descriptor, 0, SEEK_CUR) != 0);
}

struct stat checked_status(int descriptor, const std::filesystem::path& path, std::string_view what) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw unreadable(path, what, errno);
  if (S_ISDIR(status.st_mode)) {
    throw data_error(fmt::format("{} {} is a folder", what, quoted(path)), "give a file in it");
  }
  if (::isatty(descriptor) != 0) {
    throw data_error(fmt::format("{} {} is a terminal", what, quoted(path)),
                     "give a file, or redirect stdin, as in: mnist ... < FILE");
  }
  return status;
}

// The size of a regular file that is not empty.
std::uint64_t checked_size(int descriptor, const std::filesystem::path& path, std::string_view what) {
  const struct stat status = checked_status(descriptor, path, what);
  if (!S_ISREG(status.st_mode)) {
    if (S_ISCHR(status.st_mode)) throw data_error(fmt::format("{} {} is a device", what, quoted(path)), "give a file");
    throw data_error(fmt::format("{} {} is not a regular file", what, quoted(path)), "copy it into a file first");
  }
  if (status.st_size == 0) {
    throw data_error(
        fmt::format("{} {} is empty", what, quoted(path)),
        is_stdin(path)
            ? "the pipe contained no data: check the command before it, and whether another option reads stdin"
            : "copy or create the file again");
  }
  return static_cast<std::uint64_t>(status.st_size);
}

// In memory if the system supports it: then no folder for temporary files is needed.
int unnamed_file() {
#ifdef MFD_CLOEXEC
  if (const int descriptor = ::memfd_create("mnist", MFD_CLOEXEC); descriptor >= 0) return descriptor;
#endif
  std::FILE* const file = std::tmpfile();
  if (file == nullptr) return -1;
  const int descriptor = ::fcntl(::fileno(file), F_DUPFD_CLOEXEC, 0);
  std::fclose(file);
  return descriptor;
}

// In short intervals: a signal just before poll() does not interrupt it.
void wait_until_readable(int descriptor) {
  constexpr int kPiece = 100;  // milliseconds
  pollfd wait{descriptor, POLLIN, 0};
  while (::poll(&wait, 1, kPiece) <= 0) {
    if (StopSignals::stop_requested()) throw Stopped();
  }
}

// Copies the stream `from` to the file `to` until its end.
void copy_stream(int from, int to, const std::filesystem::path& path, std::string_view what) {
  std::array<char, std::size_t{64} << 10> part;
  for (std::uint64_t all = 0;;) {
    wait_until_readable(from);
    const ssize_t got = ::read(from, part.data(), part.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) throw unreadable(path, what, errno);
    if (got == 0) return;
    all += static_cast<std::uint64_t>(got);
    if (all > kMostOfStream) {
      throw data_error(fmt::format("{} {} is a stream of more than {} bytes", what, quoted(path), kMostOfStream),
                       "copy it into a file first");
    }
    if (!write_all(FileSystem::system(), to, {part.data(), static_cast<std::size_t>(got)})) {
      throw unreadable(path, what, errno);
    }
  }
}

}  // namespace

bool is_stdin(const std::filesystem::path& path) {
  return path == "-" || path == "/dev/stdin";
}

InputFile::InputFile(std::filesystem::path path, std::string_view what) : path_(std::move(path)), what_(what) {
  descriptor_ = open_input(path_);
  if (descriptor_ < 0) throw unreadable(path_, what_, errno);
  try {
    if (is_stream(descriptor_, checked_status(descriptor_, path_, what_), is_stdin(path_))) take_copy();
    size_ = checked_size(descriptor_, path_, what_);
  } catch (...) {
    ::close(descriptor_);  // the destructor does not run if the constructor throws
    throw;
  }
}

InputFile::InputFile(FileContent content, std::filesystem::path name, std::string_view what)
    : path_(std::move(name)), what_(what), bytes_(std::move(content.bytes)), size_(bytes_.size()) {
  if (bytes_.empty()) throw data_error(fmt::format("{} {} is empty", what_, quoted(path_)), "send the whole file");
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void InputFile::take_copy() {
  const int copy = unnamed_file();
  if (copy < 0) throw unreadable(path_, what_, errno);
  const int stream = std::exchange(descriptor_, copy);
  try {
    copy_stream(stream, copy, path_, what_);
  } catch (...) {
    ::close(stream);
    throw;
  }
  ::close(stream);
  is_copy_ = true;
}

std::size_t InputFile::read(void* out, std::size_t count) {
  const std::size_t done = read_at(position_, out, count);
  position_ += done;
  return done;
}

std::size_t InputFile::read_at(std::uint64_t position, void* out, std::size_t count) const {
  if (descriptor_ < 0) {
    if (position >= size_) return 0;
    const std::size_t there = std::min<std::uint64_t>(count, size_ - position);
    std::memcpy(out, bytes_.data() + position, there);
    return there;
  }
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got =
        ::pread(descriptor_, static_cast<char*>(out) + done, count - done, static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw unreadable(path_, what_, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace mnist
