// The access log of `mnist serve`: one line per answered request.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string_view>

#include <spdlog/logger.h>

#include "mnist/core/append_file.hpp"

namespace mnist::cli {

class AccessLog {
 public:
  // Appends to `file`; "-" is stdout, whose reader must keep up: answers wait for it. Keeps a reference to `log`.
  // Throws a data `Error` if it cannot be opened.
  AccessLog(std::filesystem::path file, spdlog::logger& log);

  // From any thread. If a line cannot be written, it is lost, and the log says so once.
  void write(std::string_view line);

  // Opens the file again: logrotate has moved it. Until then, lines go to the moved file.
  void reopen();

 private:
  void open();

  const std::filesystem::path file_;
  spdlog::logger& log_;
  std::mutex mutex_;
  std::unique_ptr<AppendFile> output_;  // under mutex_; none for stdout
  bool is_failing_ = false;             // under mutex_
};

}  // namespace mnist::cli
