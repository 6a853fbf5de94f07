#include "access_log.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"

#include "print.hpp"

namespace mnist::cli {

AccessLog::AccessLog(std::filesystem::path file, spdlog::logger& log) : file_(std::move(file)), log_(log) {
  if (file_ != "-") open();
}

void AccessLog::open() {
  output_ = std::make_unique<AppendFile>(file_, FileSystem::system(), AppendFile::IfLost::appends);
}

void AccessLog::write(std::string_view line) {
  const std::lock_guard lock(mutex_);
  try {
    const std::string row = std::string(line) + "\n";
    if (output_ == nullptr) {
      print(row);
    } else {
      output_->append(row);
    }
    is_failing_ = false;
  } catch (const Error& error) {
    if (!std::exchange(is_failing_, true)) log_.error("the access log has no further lines: {}", error.what());
  }
}

void AccessLog::reopen() {
  const std::lock_guard lock(mutex_);
  if (output_ == nullptr) return;
  try {
    open();
    log_.info("access log: opened again");
  } catch (const Error& error) {
    log_.error("{}", error.what());
  }
}

}  // namespace mnist::cli
