#include "mnist/core/logging.hpp"

#include <fstream>
#include <memory>
#include <system_error>

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/core/terminal.hpp"

#include "log_form.hpp"

namespace mnist {
namespace {

// The prefix of a line that is not info, such as "warning: ", optionally coloured.
class LevelPrefix : public spdlog::custom_flag_formatter {
 public:
  explicit LevelPrefix(bool color) : color_(color) {}

  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/, spdlog::memory_buf_t& out) override {
    if (message.level == spdlog::level::info) return;
    const bool serious = message.level >= spdlog::level::err;
    const std::string_view escape = serious                                ? "\x1b[1;31m"
                                    : message.level == spdlog::level::warn ? "\x1b[1;33m"
                                                                           : "\x1b[2m";
    const auto name = spdlog::level::to_string_view(message.level);
    fmt::format_to(std::back_inserter(out), "{}{}:{} ", color_ ? escape : "",
                   std::string_view(name.data(), name.size()), color_ ? "\x1b[0m" : "");
  }

  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelPrefix>(color_); }

 private:
  bool color_;
};

// Takes the progress line off the terminal before a line.
class TerminalSink : public spdlog::sinks::stderr_sink_mt {
 public:
  explicit TerminalSink(std::shared_ptr<StatusLine> status) : status_(std::move(status)) {}

  void log(const spdlog::details::log_msg& message) override {
    status_->interrupt([&] { spdlog::sinks::stderr_sink_mt::log(message); });
  }

 private:
  std::shared_ptr<StatusLine> status_;
};

std::string failure_of(const std::filesystem::path& file, const spdlog::spdlog_ex& error) {
  const std::string text = error.what();
  const std::size_t last = text.rfind(": ");  // spdlog repeats the name of the file before it
  return fmt::format("cannot write the log file {}: {}", quoted(file),
                     last == std::string::npos ? text : text.substr(last + 2));
}

// Several processes may append to it. If a line cannot be written (full disk), stderr reports it, once, and the program
// continues.
class SharedLogFile : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit SharedLogFile(const std::filesystem::path& path) : path_(path), file_(path.string(), /*truncate=*/false) {
    file_.set_formatter(log_file_formatter());
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    attempt([&] { file_.log(message); });
  }
  void flush_() override {
    attempt([&] { file_.flush(); });
  }

 private:
  template <typename Write>
  void attempt(const Write& write) {
    try {
      write();
    } catch (const spdlog::spdlog_ex& error) {
      // Not through the log, which is writing this line.
      if (!failing_) {
        write_to_stderr(fmt::format("warning: {}; lines are missing there from now on\n", failure_of(path_, error)));
      }
      failing_ = true;
    }
  }

  std::filesystem::path path_;
  spdlog::sinks::basic_file_sink_st file_;
  bool failing_ = false;
};

std::shared_ptr<spdlog::sinks::sink> file_sink(const std::filesystem::path& path) {
  try {
    return std::make_shared<SharedLogFile>(checked_log(path));
  } catch (const spdlog::spdlog_ex& error) {
    throw data_error(failure_of(path, error), "name another file with --log-file");
  }
}

}  // namespace

const std::vector<std::string>& log_levels() {
  static const std::vector<std::string> names = {"trace", "debug", "info", "warning", "error", "off"};
  return names;
}

std::shared_ptr<spdlog::logger> make_logger(const LogOptions& options) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::local, "\n");
  formatter->add_flag<LevelPrefix>('*', options.color).set_pattern("%*%v");
  auto terminal = std::make_shared<TerminalSink>(options.status);
  terminal->set_formatter(std::move(formatter));

  auto logger = std::make_shared<spdlog::logger>("mnist", terminal);
  const spdlog::level::level_enum level = spdlog::level::from_str(options.level);
  if (level == spdlog::level::off && options.level != "off") {
    throw usage_error(fmt::format("there is no log level '{}'", options.level),
                      suggestion(options.level, log_levels()));
  }
  logger->set_level(level);
  logger->flush_on(spdlog::level::trace);
  if (!options.file.empty()) {
    // spdlog creates the folder.
    const auto folder = folder_of(options.file);
    std::error_code ignored;
    const bool is_new = !std::filesystem::exists(folder, ignored);
    logger->sinks().push_back(file_sink(options.file));
    if (is_new) logger->info("new folder: {}", quoted(folder));
  }
  return logger;
}

const std::filesystem::path& checked_log(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return path;
  std::string begin(5, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<std::size_t>(file.gcount()));
  const bool is_year = begin.size() == 5 && begin.find_first_not_of("0123456789") == 4 && begin[4] == '-';
  if (begin.empty() || is_year) return path;
  throw data_error(fmt::format("{} already exists and is not a log of this program", quoted(path)),
                   "name another log file");
}

std::shared_ptr<LogFile> add_log_file(spdlog::logger& log, const std::filesystem::path& path) {
  auto file = std::make_shared<LogFile>(path);
  log.sinks().push_back(file);
  return file;
}

EarlyLog::EarlyLog(spdlog::logger& log)
    : log_(log), lines_(std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(/*n_items=*/10'000)) {
  log_.sinks().push_back(lines_);
}

EarlyLog::~EarlyLog() {
  stop();
}

void EarlyLog::replay(spdlog::sinks::sink& file) {
  for (const auto& line : lines_->last_raw()) file.log(line);
  file.flush();
  stop();
}

void EarlyLog::stop() {
  std::erase(log_.sinks(), lines_);
}

void log_line(spdlog::sinks::sink& file, std::string_view text) {
  while (text.starts_with('\n')) text.remove_prefix(1);
  while (text.ends_with('\n')) text.remove_suffix(1);
  file.log({spdlog::string_view_t("mnist"), spdlog::level::info, spdlog::string_view_t(text.data(), text.size())});
  file.flush();
}

}  // namespace mnist
