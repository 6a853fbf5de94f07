#include "mnist/core/input_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

namespace mnist {
namespace {

// `cause`: an errno.
Error unreadable(const std::filesystem::path& path, std::string_view what, int cause) {
  if (cause == ENOENT) {
    return data_error(fmt::format("there is no {} {}", what, quoted(path)), "check the path and its spelling");
  }
  return data_error(fmt::format("cannot read {} {}: {}", what, quoted(path), std::generic_category().message(cause)),
                    cause == EACCES ? "check the file's permissions" : "");
}

// The size of a regular file that is not empty.
std::uint64_t checked_size(int descriptor, const std::filesystem::path& path, std::string_view what) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw unreadable(path, what, errno);
  if (S_ISDIR(status.st_mode)) {
    throw data_error(fmt::format("{} {} is a folder", what, quoted(path)), "name a file in it");
  }
  if (!S_ISREG(status.st_mode)) {
    throw data_error(fmt::format("{} {} is not a regular file", what, quoted(path)), "copy it into a file first");
  }
  if (status.st_size == 0) {
    throw data_error(fmt::format("{} {} is empty", what, quoted(path)), "copy or create the file again");
  }
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace

InputFile::InputFile(std::filesystem::path path, std::string_view what) : path_(std::move(path)), what_(what) {
  // Without O_NONBLOCK, opening a named pipe could block forever.
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) throw unreadable(path_, what_, errno);
  try {
    size_ = checked_size(descriptor_, path_, what_);
  } catch (...) {
    ::close(descriptor_);  // the destructor does not run if the constructor throws
    throw;
  }
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

std::size_t InputFile::read(void* out, std::size_t count) {
  const std::size_t done = read_at(position_, out, count);
  position_ += done;
  return done;
}

std::size_t InputFile::read_at(std::uint64_t position, void* out, std::size_t count) const {
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
