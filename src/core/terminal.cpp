#include "mnist/core/terminal.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mnist/core/text.hpp"

namespace mnist {
namespace {

int descriptor_of(Stream stream) {
  return stream == Stream::out ? STDOUT_FILENO : STDERR_FILENO;
}

}  // namespace

void open_closed_streams() {
#ifdef SIGXFSZ
  ::signal(SIGXFSZ, SIG_IGN);
#endif
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    // open returns the lowest free descriptor: this one.
    if (::fcntl(stream, F_GETFD) < 0) ::open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

bool is_terminal(Stream stream) {
  return ::isatty(descriptor_of(stream)) == 1;
}

bool is_pipe(Stream stream) {
  struct stat status {};
  return ::fstat(descriptor_of(stream), &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

std::optional<int> known_width(Stream stream) {
  winsize size{};
  if (::ioctl(descriptor_of(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  constexpr int kNarrowest = 20;
  constexpr int kWidest = 10'000;
  const char* const variable = std::getenv("COLUMNS");
  int columns = 0;
  if (variable != nullptr) std::from_chars(variable, variable + std::strlen(variable), columns);
  return columns >= kNarrowest && columns <= kWidest ? std::optional(columns) : std::nullopt;
}

int terminal_width(Stream stream) {
  constexpr int kUsual = 80;
  return known_width(stream).value_or(kUsual);
}

void write_to_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

int terminal_height(Stream stream) {
  winsize size{};
  return ::ioctl(descriptor_of(stream), TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

bool is_utf8_locale() {
  for (const char* const name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string locale = lower_case(value);
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace mnist
