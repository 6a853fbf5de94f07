#include "mnist/core/input_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
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

// Opening /dev/stdin would read a file from its start again, and a socket cannot be opened by name.
int open_input(const std::filesystem::path& path) {
  return is_stdin(path) ? duplicate(kStdin) : open_file(path, OpenFor::reading);
}

// Whether it can only be read in order. For stdin also /dev/null, and a file that another process has started to read.
bool is_stream(int descriptor, const FileStatus& status, bool from_stdin) {
  if (status.type == FileType::pipe || status.type == FileType::socket) return true;
  return from_stdin && (status.type != FileType::regular || !is_at_start(descriptor));
}

FileStatus checked_status(int descriptor, const std::filesystem::path& path, std::string_view what) {
  const auto found = status_of(descriptor);
  if (!found) throw unreadable(path, what, errno);
  if (found->type == FileType::folder) {
    throw data_error(fmt::format("{} {} is a folder", what, quoted(path)), "give a file in it");
  }
  if (is_terminal(descriptor)) {
    throw data_error(fmt::format("{} {} is a terminal", what, quoted(path)),
                     "give a file, or redirect stdin, as in: mnist ... < FILE");
  }
  return *found;
}

// The size of a regular file that is not empty.
std::uint64_t checked_size(int descriptor, const std::filesystem::path& path, std::string_view what) {
  const FileStatus status = checked_status(descriptor, path, what);
  if (status.type != FileType::regular) {
    if (status.type == FileType::character_device) {
      throw data_error(fmt::format("{} {} is a device", what, quoted(path)), "give a file");
    }
    throw data_error(fmt::format("{} {} is not a regular file", what, quoted(path)), "copy it into a file first");
  }
  if (status.size == 0) {
    throw data_error(
        fmt::format("{} {} is empty", what, quoted(path)),
        is_stdin(path)
            ? "the pipe contained no data: check the command before it, and whether another option reads stdin"
            : "copy or create the file again");
  }
  return status.size;
}

// In short intervals: a signal just before the wait does not interrupt it.
void wait_for_stream(int descriptor) {
  constexpr std::chrono::milliseconds kPiece(100);
  while (!wait_until_readable(descriptor, kPiece)) {
    if (StopSignals::stop_requested()) throw Stopped();
  }
}

// Copies the stream `from` to the file `to` until its end.
void copy_stream(int from, int to, const std::filesystem::path& path, std::string_view what) {
  std::array<char, std::size_t{64} << 10> part;
  for (std::uint64_t all = 0;;) {
    wait_for_stream(from);
    const std::ptrdiff_t got = read_some(from, part.data(), part.size());
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
    close_file(descriptor_);  // the destructor does not run if the constructor throws
    throw;
  }
}

InputFile::InputFile(FileContent content, std::filesystem::path name, std::string_view what)
    : path_(std::move(name)), what_(what), bytes_(std::move(content.bytes)), size_(bytes_.size()) {
  if (bytes_.empty()) throw data_error(fmt::format("{} {} is empty", what_, quoted(path_)), "send the whole file");
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) close_file(descriptor_);
}

void InputFile::take_copy() {
  const int copy = open_unnamed_file();
  if (copy < 0) throw unreadable(path_, what_, errno);
  const int stream = std::exchange(descriptor_, copy);
  try {
    copy_stream(stream, copy, path_, what_);
  } catch (...) {
    close_file(stream);
    throw;
  }
  close_file(stream);
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
    const std::ptrdiff_t got = read_some_at(descriptor_, position + done, static_cast<char*>(out) + done, count - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw unreadable(path_, what_, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace mnist
