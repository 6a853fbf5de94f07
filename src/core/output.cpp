#include "mnist/core/output.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "mnist/core/error.hpp"
#include "mnist/core/file_system.hpp"
#include "mnist/core/files.hpp"

namespace mnist {
namespace {

// The open descriptor that the path names: "-", /dev/stdout, /dev/fd/3. Opening such a path again would start at the
// beginning of the file, and `>> file` would lose its old content.
std::optional<int> descriptor_named(std::filesystem::path path) {
  if (path == "-") return kStdout;
  for (int hops = 0; hops < 40; ++hops) {
    if (path == "/dev/stdout") return kStdout;
    if (path == "/dev/stderr") return kStderr;
    const std::filesystem::path folder = path.parent_path();
    if (folder == "/dev/fd" || folder == "/proc/self/fd") {
      const std::string name = path.filename().string();
      int number = -1;
      const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), number);
      if (error == std::errc() && stop == name.data() + name.size()) return number;
    }
    std::error_code error;
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    if (error) return std::nullopt;
    path = target.is_absolute() ? target : folder / target;
  }
  return std::nullopt;
}

// Whether the file can only be written sequentially. Block devices do not count: nobody wants to write to them.
bool is_pipe_or_terminal(const std::filesystem::path& path) {
  const auto status = status_of(path);
  return status && (status->type == FileType::pipe || status->type == FileType::character_device);
}

class StreamOutput : public Output {
 public:
  StreamOutput(std::filesystem::path path, FileSystem& files) : path_(std::move(path)), files_(files) {
    const std::optional<int> named = descriptor_named(path_);
    std::fflush(nullptr);  // earlier printed text must come first
    descriptor_ =
        named ? duplicate(*named) : retry_if_interrupted([&] { return files_.open(path_, OpenFor::stream, 0); });
    if (descriptor_ < 0) throw file_error("write", path_, errno);
  }
  ~StreamOutput() override { files_.close(descriptor_); }
  StreamOutput(const StreamOutput&) = delete;
  StreamOutput& operator=(const StreamOutput&) = delete;

  void write(const void* bytes, std::size_t count) override {
    const std::string_view all(static_cast<const char*>(bytes), count);
    if (!write_all(files_, descriptor_, all)) throw file_error("write", path_, errno);
  }
  void commit() override {}
  std::filesystem::path commit_part() override { return {}; }

 private:
  std::filesystem::path path_;
  FileSystem& files_;
  int descriptor_ = -1;
};

}  // namespace

bool is_stream(const std::filesystem::path& path) {
  return descriptor_named(path) || is_pipe_or_terminal(path);
}

std::unique_ptr<Output> open_output(const std::filesystem::path& path, FileSystem& files) {
  if (is_stream(path)) return std::make_unique<StreamOutput>(path, files);
  return std::make_unique<AtomicFile>(path, files);
}

void write_output(const std::filesystem::path& path, std::string_view bytes, FileSystem& files) {
  const std::unique_ptr<Output> output = open_output(path, files);
  output->write(bytes);
  output->commit();
}

void check_writable(const std::filesystem::path& path) {
  if (const std::optional<int> named = descriptor_named(path)) {
    if (!is_open_for_writing(*named)) throw file_error("write", path, EBADF);
  } else if (!is_pipe_or_terminal(path)) {
    const AtomicFile file(path);
    // A rename would also replace a write-protected file.
    if (std::error_code ignored; std::filesystem::exists(path, ignored) && !may_write(path)) {
      throw file_error("write", path, errno);
    }
  } else if (!may_write(path)) {
    throw file_error("write", path, errno);
  }
}

}  // namespace mnist
