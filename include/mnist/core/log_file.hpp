// The log file of a run directory: rows with times. A resumed run truncates it to its checkpoint and continues it. If
// several processes write to one log, use `LogOptions::file`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include <spdlog/sinks/base_sink.h>

#include "mnist/core/append_file.hpp"

namespace mnist {

// If a line cannot be written (full disk), the file omits it, stderr reports it, and the program continues. Repeated
// failures are reported once, until a line can be written again.
class LogFile : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Throws a data `Error` if the file cannot be opened, or if it exists and is not a log.
  explicit LogFile(const std::filesystem::path& path, FileSystem& files = FileSystem::system());

  // See `AppendFile`.
  std::uintmax_t size();
  void truncate(std::uintmax_t size);

  // If the file or its folder was removed or moved, opens a new file at the same path; its first line says so. Does not
  // throw: if the file cannot be opened, lines are lost until a later call succeeds.
  void renew();

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  std::string formatted(const spdlog::details::log_msg& message);

  std::filesystem::path path_;
  FileSystem& files_;
  std::unique_ptr<AppendFile> file_;
  bool failing_ = false;
};

}  // namespace mnist
