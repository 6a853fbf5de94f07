#include "print.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <spdlog/sinks/sink.h>

#include "mnist/core/file_system.hpp"
#include "mnist/core/terminal.hpp"
#include "mnist/core/text.hpp"

namespace mnist::cli {

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  const int error = errno;
  // The reader has exited; the remaining buffer must not cause a second error at exit.
  if (error == EPIPE && std::freopen("/dev/null", "w", stdout) == nullptr) std::clearerr(stdout);
  throw data_error("cannot write to stdout: " + std::generic_category().message(error),
                   is_disk_full(error) ? "the disk is full: free some space, or write to another location"
                   : error == EBADF    ? "stdout is closed: open it, as in: > FILE"
                                       : "");
}

void print_lines(std::string_view text) {
  if (!is_terminal(Stream::out)) return print(text);
  std::string shown;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\n\t"), text.size());
    shown += printable(text.substr(0, end));
    shown += text.substr(end, 1);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  print(shown);
}

bool has_lost_output() {
  return std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
}

void print_error(const Error& error, bool color, spdlog::logger* log) {
  // Values and names from files must not control the terminal.
  const std::string message = printable(first_line(error.what()));
  std::string text = fmt::format("{}error:{} {}\n", color ? "\x1b[1;31m" : "", color ? "\x1b[0m" : "", message);
  if (!error.hint().empty()) {
    text += fmt::format("{}hint:{} {}\n", color ? "\x1b[1;36m" : "", color ? "\x1b[0m" : "", printable(error.hint()));
  }
  write_to_stderr(text);
  if (log == nullptr) return;
  for (std::size_t i = 1; i < log->sinks().size(); ++i) {  // the first is stderr
    log->sinks()[i]->log({spdlog::string_view_t(log->name()), spdlog::level::err, spdlog::string_view_t(message)});
    log->sinks()[i]->flush();
  }
}

std::string quoted_for_shell(const std::string& argument) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!argument.empty() && argument.find_first_not_of(kPlain) == std::string::npos) return argument;
  std::string out = "'";
  for (const char c : argument) {
    if (c == '\'') {
      out += R"('\'')";
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace mnist::cli
