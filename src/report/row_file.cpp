#include "mnist/report/row_file.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"

namespace mnist {

RowFile::RowFile(std::filesystem::path path, std::uint64_t size, spdlog::logger& log)
    : path_(std::move(path)), log_(log), size_(size) {
  file_.emplace(path_);
  if (file_->size() < size) {
    log_.warn("{} has {} bytes, {} were written before the run was stopped: rows are missing", quoted(path_),
              file_->size(), size);
    size_ = file_->size();
  }
  file_->truncate(size_);
}

void RowFile::append(std::string_view row) {
  size_ += row.size();
  waiting_ += row;
  write_waiting();
}

void RowFile::write_waiting() {
  try {
    if (!file_) file_.emplace(path_);
    // A part of a row that could not be cut off when writing failed.
    const std::uint64_t whole = size_ - waiting_.size();
    if (file_->size() > whole) file_->truncate(whole);
    file_->append(waiting_);
  } catch (const Error& error) {
    if (!failing_) log_.warn("{}; the run goes on, and the rows wait in memory", error.what());
    failing_ = true;
    // The next time by its name: the folder may have been replaced, or mounted anew.
    file_.reset();
    return;
  }
  if (failing_) log_.info("{} is written again, with all of its rows", quoted(path_));
  failing_ = false;
  waiting_.clear();
}

}  // namespace mnist
