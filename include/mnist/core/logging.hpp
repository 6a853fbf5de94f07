// The log: what people read while the program works. It goes to stderr (results go to stdout) and, where asked for, to
// files as well. The logger is made by `main` and handed down; modules below `report` return sentences instead.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <spdlog/logger.h>
#include <spdlog/sinks/ringbuffer_sink.h>

#include "mnist/core/log_file.hpp"

namespace mnist {

struct LogOptions {
  std::string level = "info";       // trace, debug, info, warning, error, off
  std::filesystem::path file = {};  // additional log file, appended to; empty: none
  bool color = false;               // of the lines on stderr
};

// The names that `level` takes, from the most to the least talkative.
const std::vector<std::string>& log_levels();

// Lines on stderr are bare for info ("device: cpu"), and begin with "warning: " or "error: " otherwise; lines in files
// carry time and level. Throws a data `Error` where the file cannot be written, or is there and is no log.
std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options);

// A further file for the same log, from now on: the run directory's `log.txt`. Appends. Throws a data `Error`.
std::shared_ptr<LogFile> add_log_file(spdlog::logger& log, const std::filesystem::path& path);

// Keeps what is logged before it is known which further file the log goes to. At most one at a time for a logger.
class EarlyLog {
 public:
  explicit EarlyLog(spdlog::logger& log);
  ~EarlyLog();
  EarlyLog(const EarlyLog&) = delete;
  EarlyLog& operator=(const EarlyLog&) = delete;

  // Writes what was logged since into `file`, and keeps no more.
  void replay(spdlog::sinks::sink& file);

 private:
  void stop();

  spdlog::logger& log_;
  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> lines_;
};

// `text` in one file of the log only: for lines that went to stdout already. Empty lines around it are left out.
void log_line(spdlog::sinks::sink& file, std::string_view text);

}  // namespace mnist
