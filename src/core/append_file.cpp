#include "mnist/core/append_file.hpp"

#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

namespace mnist {

AppendFile::AppendFile(std::filesystem::path path, FileSystem& files, IfLost if_lost)
    : path_(std::move(path)), files_(files), if_lost_(if_lost) {
  descriptor_ = retry_if_interrupted([&] { return files_.open(path_, OpenFor::appending, 0666); });
  if (descriptor_ < 0) throw file_error("write", path_, errno);
  const auto status = status_of(descriptor_);
  if (!status || status->type != FileType::regular) {
    files_.close(descriptor_);
    throw data_error(fmt::format("cannot write {}: it is not a regular file", quoted(path_)), "name another file");
  }
  size_ = status->size;
}

AppendFile::~AppendFile() {
  if (has_partial_row_) drop_partial_row();
  files_.close(descriptor_);
}

bool AppendFile::is_lost() const {
  if (const auto open = status_of(descriptor_); open && open->links == 0) return true;
  return !status_of(path_) && (errno == ENOENT || errno == ENOTDIR);
}

void AppendFile::append(std::string_view row) {
  if (if_lost_ == IfLost::throws && is_lost()) throw file_error("write", path_, ENOENT);
  if (has_partial_row_ && !drop_partial_row()) throw file_error("write", path_, errno);
  if (!write_all(files_, descriptor_, row)) {
    const int error = errno;
    has_partial_row_ = true;
    drop_partial_row();  // if it fails, `append` tries again
    throw file_error("write", path_, error);
  }
  size_ += row.size();
}

void AppendFile::truncate(std::uintmax_t size) {
  if (size > size_) {
    throw data_error(fmt::format("{} has {} bytes, {} were written", quoted(path_), size_, size),
                     "the file was changed by another program or damaged");
  }
  size_ = size;
  has_partial_row_ = true;
  if (!drop_partial_row()) throw file_error("shorten", path_, errno);
}

bool AppendFile::drop_partial_row() {
  has_partial_row_ = retry_if_interrupted([&] { return files_.truncate(descriptor_, size_); }) != 0;
  return !has_partial_row_;
}

}  // namespace mnist
