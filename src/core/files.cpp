#include "mnist/core/files.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/text.hpp"

namespace mnist {
namespace {

std::string system_message(int error) {
  return std::generic_category().message(error);
}

// Closes a descriptor when its scope ends.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// The file behind a symbolic link, so that a rename replaces the file and not the link.
std::filesystem::path link_target(std::filesystem::path path) {
  std::error_code error;
  for (int hops = 0; hops < 40 && std::filesystem::is_symlink(path, error); ++hops) {
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    if (error) break;
    path = target.is_absolute() ? target : path.parent_path() / target;
  }
  return path;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// Makes the rename itself survive a power cut. File systems that cannot do it say so; there is nothing better to do.
void sync_folder(const std::filesystem::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() >= 0) ::fsync(descriptor.get());
}

}  // namespace

std::string quoted(const std::filesystem::path& path) {
  return fmt::format("'{}'", printable(path.string()));
}

std::string read_file(const std::filesystem::path& path, std::string_view what, std::uintmax_t max_bytes) {
  InputFile file(path, what);
  if (file.size() > max_bytes) {
    throw data_error(
        fmt::format("{} {} is too large: {} bytes, at most {} are read", what, quoted(path), file.size(), max_bytes),
        "is this the right file?");
  }
  std::string content(file.size(), '\0');
  content.resize(file.read(content.data(), content.size()));
  return content;
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(link_target(std::move(path))) {
  const std::filesystem::path folder = folder_of(path_);
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored)) {
    throw data_error(fmt::format("cannot write {}: it is a folder", quoted(path_)), "name a file in it");
  }
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw data_error(fmt::format("cannot write {}: there is no folder {}", quoted(path_), quoted(folder)),
                     "make the folder first, or name another one");
  }
  struct stat old {};
  const bool replaces = ::stat(path_.c_str(), &old) == 0;
  if (replaces && !S_ISREG(old.st_mode)) {
    // The rename would put a file in the place of /dev/null.
    throw data_error(fmt::format("cannot write {}: it is not a regular file", quoted(path_)), "name another file");
  }
  constexpr mode_t kUsual = 0666;
  const mode_t mode = replaces ? (old.st_mode & 07777) : kUsual;
  std::random_device random;
  do {
    temporary_ = folder / fmt::format(".{}.{:08x}.tmp", path_.filename().string(), random());
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) {
    const int error = errno;
    throw data_error(fmt::format("cannot write {}: {}", quoted(path_), system_message(error)),
                     fmt::format("check the permissions of {}, or name another place", quoted(folder)));
  }
  // The umask has narrowed what open() was given; a file that is replaced keeps what it had.
  if (replaces) ::fchmod(descriptor_, mode);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const std::string& what) const {
  const int error = errno;
  throw data_error(fmt::format("cannot {} {}: {}", what, quoted(path_), system_message(error)),
                   error == ENOSPC || error == EDQUOT ? "the disk is full: make room, or name another place" : "");
}

void AtomicFile::write(const void* bytes, std::size_t count) {
  const char* from = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t written = ::write(descriptor_, from, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write");
    from += written;
    count -= static_cast<std::size_t>(written);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("write");
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (::close(descriptor) != 0) fail("write");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("replace");
  temporary_.clear();
  sync_folder(folder_of(path_));
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void check_writable(const std::filesystem::path& path) {
  const AtomicFile file(path);
}

bool is_hidden(const std::filesystem::path& path) {
  return path.filename().string().starts_with('.');
}

void make_folder(const std::filesystem::path& path, const std::string& hint) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw data_error(fmt::format("cannot make the folder {}: {}", quoted(path), error.message()), hint);
}

}  // namespace mnist
