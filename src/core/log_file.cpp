#include "mnist/core/log_file.hpp"

#include <cstdio>
#include <string_view>

#include <fmt/format.h>

#include "mnist/core/error.hpp"

#include "log_form.hpp"

namespace mnist {

LogFile::LogFile(const std::filesystem::path& path, FileSystem& files) : file_(checked_log(path), files) {
  set_pattern(kLogFilePattern);
}

std::uintmax_t LogFile::size() {
  const std::lock_guard lock(mutex_);
  return file_.size();
}

void LogFile::truncate(std::uintmax_t size) {
  const std::lock_guard lock(mutex_);
  file_.truncate(size);
}

void LogFile::sync() {
  const std::lock_guard lock(mutex_);
  file_.sync();
}

void LogFile::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  try {
    file_.append({line.data(), line.size()});
    failing_ = false;
  } catch (const Error& error) {
    // Not to the log, which is busy with this line.
    if (!failing_) fmt::print(stderr, "warning: {}; lines are missing there from now on\n", error.what());
    failing_ = true;
  }
}

}  // namespace mnist
