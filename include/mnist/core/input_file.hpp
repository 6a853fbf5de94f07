// A file that is read in pieces and at any offset: for readers that check a header before they allocate memory. To read
// a small file as a whole, use `read_file`.
//
// A stream (stdin, a pipe, a shell's <(command)) is read to its end when it is opened, into an unnamed file of the
// object: at most 1 GiB. This waits as long as the stream has a writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace mnist {

// Whether `path` stands for stdin: "-", /dev/stdin. A file that is called "-" is ./-.
bool is_stdin(const std::filesystem::path& path);

// The content of a file that is in memory already, such as a picture that came over a network.
struct FileContent {
  std::string bytes;
};

class InputFile {
 public:
  // `what` names the role of the file in messages ("model file", "image"). Throws a data `Error` if the file is
  // missing, a folder, a device or terminal, empty, a stream of more than 1 GiB, or cannot be opened; `Stopped` if a
  // signal arrives while it waits for a stream.
  InputFile(std::filesystem::path path, std::string_view what);
  // `name`: for messages; nothing is opened. Throws a data `Error` if the content is empty.
  InputFile(FileContent content, std::filesystem::path name, std::string_view what);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // bytes at the time of opening; at least 1
  bool is_copy() const { return is_copy_; }     // of a stream, which cannot be opened again

  // Reads the next `count` bytes; fewer only at the end of the file. Returns the number of bytes. Throws a data `Error`
  // on an I/O error.
  std::size_t read(void* out, std::size_t count);

  // Like `read`, but starts at byte `position` and does not move the position of `read`.
  std::size_t read_at(std::uint64_t position, void* out, std::size_t count) const;

 private:
  void take_copy();  // of a stream, in its place

  std::filesystem::path path_;
  std::string what_;
  std::string bytes_;  // the content, if there is no descriptor
  int descriptor_ = -1;
  bool is_copy_ = false;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace mnist
