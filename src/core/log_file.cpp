#include "mnist/core/log_file.hpp"

#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/terminal.hpp"

#include "log_form.hpp"

namespace mnist {

LogFile::LogFile(const std::filesystem::path& path, FileSystem& files)
    : path_(path), files_(files), file_(std::make_unique<AppendFile>(checked_log(path), files)) {
  set_formatter(log_file_formatter());
}

std::uintmax_t LogFile::size() {
  const std::lock_guard lock(mutex_);
  return file_->size();
}

void LogFile::truncate(std::uintmax_t size) {
  const std::lock_guard lock(mutex_);
  file_->truncate(size);
}

void LogFile::renew() {
  const std::lock_guard lock(mutex_);
  if (!file_->is_lost()) return;
  try {
    // Keep the old file until the new one is open: `size` may still be called.
    auto file = std::make_unique<AppendFile>(checked_log(path_), files_);
    file->append(formatted({"mnist", spdlog::level::warn, "this log was removed or moved while it was written"}));
    file_ = std::move(file);
    failing_ = false;
  } catch (const Error&) {
    return;  // the next line says why
  }
}

std::string LogFile::formatted(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  formatter_->format(message, line);
  return {line.data(), line.size()};
}

void LogFile::sink_it_(const spdlog::details::log_msg& message) {
  try {
    file_->append(formatted(message));
    failing_ = false;
  } catch (const Error& error) {
    // Not through the log, which is writing this line.
    if (!failing_) {
      write_to_stderr(fmt::format("warning: {}; lines are missing there from now on\n", error.what()));
    }
    failing_ = true;
  }
}

}  // namespace mnist
