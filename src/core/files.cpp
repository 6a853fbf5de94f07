#include "mnist/core/files.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
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

}  // namespace

std::string quoted(const std::filesystem::path& path) {
  return fmt::format("'{}'", printable(path.string()));
}

std::string read_file(const std::filesystem::path& path, std::string_view what, std::uintmax_t max_bytes) {
  // Without O_NONBLOCK a named pipe would hold the program here for ever.
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) {
    const int error = errno;
    if (error == ENOENT) {
      throw data_error(fmt::format("there is no {} {}", what, quoted(path)), "check the path and its spelling");
    }
    throw data_error(fmt::format("cannot read {} {}: {}", what, quoted(path), system_message(error)),
                     "check the file's permissions");
  }
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) {
    throw data_error(fmt::format("cannot read {} {}: {}", what, quoted(path), system_message(errno)));
  }
  if (S_ISDIR(status.st_mode)) {
    throw data_error(fmt::format("{} {} is a folder", what, quoted(path)), "name a file in it");
  }
  if (!S_ISREG(status.st_mode)) {
    throw data_error(fmt::format("{} {} is not a regular file", what, quoted(path)), "copy it into a file first");
  }
  const auto size = static_cast<std::uintmax_t>(status.st_size);
  if (size == 0) throw data_error(fmt::format("{} {} is empty", what, quoted(path)), "copy or make the file again");
  if (size > max_bytes) {
    throw data_error(
        fmt::format("{} {} is too large: {} bytes, at most {} are read", what, quoted(path), size, max_bytes),
        "is this the right file?");
  }
  std::string content(size, '\0');
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t count = ::read(descriptor.get(), content.data() + done, content.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw data_error(fmt::format("cannot read {} {}: {}", what, quoted(path), system_message(errno)));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  content.resize(done);
  return content;
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
