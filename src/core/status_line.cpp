#include "mnist/core/status_line.hpp"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>

#include "mnist/core/signals.hpp"
#include "mnist/core/terminal.hpp"
#include "mnist/core/text.hpp"

namespace mnist {
namespace {

constexpr const char* kEraseLine = "\r\x1b[K";

}  // namespace

int status_columns() {
  return std::max(1, terminal_width(Stream::err) - kStatusMargin);
}

void StatusLine::draw(const std::vector<std::string>& lines) {
  if (terminal_ == nullptr) return;
  const std::lock_guard lock(mutex_);
  std::string text = erasing();
  if (text == kEraseLine) text.clear();  // the new line does it
  lines_ = lines;
  text += showing();
  // One write: otherwise the terminal may show it erased.
  put(text);
}

void StatusLine::clear() {
  const std::lock_guard lock(mutex_);
  erase();
  lines_.clear();
}

void StatusLine::leave() {
  const std::lock_guard lock(mutex_);
  lines_.clear();
  if (!shown_.empty() && notices_ == StopSignals::notices()) put("\r\n");
  shown_.clear();
}

// From the end of its last line up to its first line. A terminal that became narrower has broken the lines.
std::string StatusLine::erasing() {
  if (shown_.empty()) return "";
  const auto width = static_cast<std::size_t>(std::max(1, terminal_width(Stream::err)));
  std::size_t rows = 0;
  for (const std::size_t columns : shown_) rows += std::max<std::size_t>(1, (columns + width - 1) / width);
  shown_.clear();
  if (notices_ != StopSignals::notices()) {
    // The message has replaced the last line. The others stay above it.
    lines_.clear();
    return kEraseLine;
  }
  if (rows == 1) return kEraseLine;
  return fmt::format("\r\x1b[{}A\x1b[J", rows - 1);
}

void StatusLine::erase() {
  put(erasing());
}

std::string StatusLine::showing() {
  const auto columns = static_cast<std::size_t>(status_columns());
  std::string text;
  for (const std::string& line : lines_) {
    const std::string fitting = shortened(line, columns);
    text += shown_.empty() ? kEraseLine : "\r\n";
    text += fitting;
    shown_.push_back(columns_of(fitting));
  }
  notices_ = StopSignals::notices();
  return text;
}

void StatusLine::show() {
  if (terminal_ != nullptr && !lines_.empty()) put(showing());
}

void StatusLine::put(const std::string& text) {
  if (text.empty() || terminal_ == nullptr) return;
  std::fputs(text.c_str(), terminal_);
  std::fflush(terminal_);
}

}  // namespace mnist
