#include "mnist/core/terminal.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mnist/core/text.hpp"

#include "terminal_size.hpp"

namespace mnist {

void open_closed_streams() {
  std::signal(SIGXFSZ, SIG_IGN);
  for (int stream = kStdin; stream <= kStderr; ++stream) {
    // open returns the lowest free descriptor: this one.
    if (::fcntl(stream, F_GETFD) < 0) ::open("/dev/null", stream == kStderr ? O_WRONLY : O_RDONLY);
  }
}

TerminalSize terminal_size(Stream stream) {
  winsize size{};
  if (::ioctl(descriptor_of(stream), TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_col, size.ws_row};
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
