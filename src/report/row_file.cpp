#include "mnist/report/row_file.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

namespace mnist {

RowFile::RowFile(std::filesystem::path path, std::uint64_t size, std::string header, spdlog::logger& log,
                 FileSystem& files)
    : path_(std::move(path)), header_(std::move(header)), log_(log), files_(files), size_(size) {
  open();
  if (size_ == 0) append(header_);
}

// Truncates the file to complete rows, for example after a failed write.
void RowFile::open() {
  file_.emplace(path_, files_);
  const std::uint64_t whole = size_ - waiting_.size();
  if (file_->size() < whole) {
    log_.warn("{} has {} bytes, {} were written: rows are missing", quoted(path_), file_->size(), whole);
    if (file_->size() == 0) waiting_ = header_ + waiting_;
    size_ = file_->size() + waiting_.size();
  } else {
    file_->truncate(whole);
  }
}

void RowFile::append(std::string_view row) {
  size_ += row.size();
  waiting_ += row;
  write_waiting();
}

void RowFile::finish() {
  if (!waiting_.empty()) write_waiting();
  if (!waiting_.empty() && !std::exchange(told_, true))
    log_.warn("{}: the last {} bytes of rows are missing", quoted(path_), waiting_.size());
}

void RowFile::write_waiting() {
  try {
    if (!file_) open();
    file_->append(waiting_);
  } catch (const Error& error) {
    if (!failing_) log_.warn("{}; the run continues and keeps the rows in memory", error.what());
    failing_ = true;
    // Open it by name next time: the folder may have been replaced, or mounted again.
    file_.reset();
    return;
  }
  if (failing_) log_.info("{} is written again, including the rows kept in memory", quoted(path_));
  failing_ = false;
  waiting_.clear();
}

}  // namespace mnist
