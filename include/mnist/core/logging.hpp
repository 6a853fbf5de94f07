// The log: messages for people while the program runs. It goes to stderr (results go to stdout) and optionally to
// files. `main` creates the logger and passes it on; modules below `report` do not log, they return sentences.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <spdlog/logger.h>
#include <spdlog/sinks/ringbuffer_sink.h>

#include "mnist/core/log_file.hpp"
#include "mnist/core/status_line.hpp"

namespace mnist {

struct LogOptions {
  std::string level = "info";       // trace, debug, info, warning, error, off
  std::filesystem::path file = {};  // a log file to append to; empty: none
  bool color = false;               // of the lines on stderr
  // What is drawn on the terminal behind stderr meanwhile.
  std::shared_ptr<StatusLine> status = std::make_shared<StatusLine>(nullptr);
};

// The values of `level`, from the most to the least verbose.
const std::vector<std::string>& log_levels();

// On stderr, info lines have no prefix ("device: cpu"); other lines start with "warning: " or "error: ". Lines in files
// have a time (local, with its offset to UTC) and a level; so has each line of a message of several lines. The first
// sink is stderr. Throws a data `Error` if the file cannot be written, or if it exists and is not a log.
std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options);

// Adds a file to the log from now on: `log.txt` of the run directory. Appends to it. Throws a data `Error` as above.
std::shared_ptr<LogFile> add_log_file(spdlog::logger& log, const std::filesystem::path& path);

// Keeps the lines that are logged before the path of the additional log file is known. At most one at a time per
// logger.
class EarlyLog {
 public:
  explicit EarlyLog(spdlog::logger& log);
  ~EarlyLog();
  EarlyLog(const EarlyLog&) = delete;
  EarlyLog& operator=(const EarlyLog&) = delete;

  // Writes the kept lines to `file` and stops keeping lines.
  void replay(spdlog::sinks::sink& file);

 private:
  void stop();

  spdlog::logger& log_;
  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> lines_;
};

// Writes `text` to one file of the log only: for lines that already went to stdout. Leading and trailing empty lines
// are omitted.
void log_line(spdlog::sinks::sink& file, std::string_view text);

}  // namespace mnist
