#include "mnist/core/status_line.hpp"

#include "mnist/core/terminal.hpp"
#include "mnist/core/text.hpp"

namespace mnist {

void StatusLine::draw(const std::string& line) {
  if (terminal_ == nullptr) return;
  // Some terminals wrap after the last column.
  const std::string text = shortened(line, static_cast<std::size_t>(terminal_width(Stream::err) - 1));
  const std::lock_guard lock(mutex_);
  std::fputs(("\r\x1b[K" + text).c_str(), terminal_);
  std::fflush(terminal_);
  shown_ = true;
}

void StatusLine::clear() {
  interrupt([] {});
}

void StatusLine::erase() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", terminal_);
  std::fflush(terminal_);
  shown_ = false;
}

}  // namespace mnist
