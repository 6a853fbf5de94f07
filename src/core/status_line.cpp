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
constexpr const char* kSavePosition = "\0337";
constexpr const char* kToSavedPosition = "\0338";

// From the last of the rows to the first. Not with the sequence that erases the rest of the screen: tmux moves what
// that erases from the first row on into its history.
std::string erasing_rows(std::size_t rows) {
  if (rows == 1) return kEraseLine;
  std::string text = "\r\x1b[2K";
  for (std::size_t row = 1; row < rows; ++row) text += "\x1b[1A\x1b[2K";
  return text;
}

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
  at_bottom_ = false;
}

void StatusLine::leave() {
  const std::lock_guard lock(mutex_);
  if (at_bottom_ && !shown_.empty()) {
    std::string text = erasing();
    at_bottom_ = false;
    text += showing();
    put(text);
  }
  lines_.clear();
  if (!shown_.empty() && notices_ == StopSignals::notices()) put("\r\n");
  shown_.clear();
  at_bottom_ = false;
}

// From the end of its last line up to its first line, or to the end of the other lines. A terminal that became narrower
// has broken the lines.
std::string StatusLine::erasing() {
  if (shown_.empty()) return "";
  const auto width = static_cast<std::size_t>(std::max(1, terminal_width(Stream::err)));
  const auto height = static_cast<std::size_t>(terminal_height(Stream::err));
  const bool resized = width_ != static_cast<int>(width) || height_ != static_cast<int>(height);
  const std::size_t lines = shown_.size();
  std::size_t rows = room_ > lines ? room_ - lines : 0;
  for (const std::size_t columns : shown_) rows += std::max<std::size_t>(1, (columns + width - 1) / width);
  shown_.clear();
  if (notices_ != StopSignals::notices()) {
    // The message has replaced the last line. The others stay above it.
    lines_.clear();
    at_bottom_ = false;
    return kEraseLine;
  }
  if (at_bottom_ && !resized) return erasing_rows(lines) + kToSavedPosition;
  at_bottom_ = at_bottom_ || (lines > 1 && rows > lines);
  room_ = !at_bottom_ ? 0 : height > 0 ? std::min(rows, height) : rows;
  return erasing_rows(rows);
}

// Scrolls if there is no room for the lines, and moves to the row where the first one ends up.
std::string StatusLine::to_bottom() {
  constexpr int kMoreThanAllRows = 9999;
  std::string text;
  for (std::size_t i = 1; i < lines_.size(); ++i) text += "\r\n";
  const std::string up = lines_.size() > 1 ? fmt::format("\x1b[{}A", lines_.size() - 1) : "";
  return text + fmt::format("{}{}\x1b[{}B{}", up, kSavePosition, kMoreThanAllRows, up);
}

void StatusLine::erase() {
  put(erasing());
}

std::string StatusLine::showing() {
  const auto columns = static_cast<std::size_t>(status_columns());
  std::string text = at_bottom_ && !lines_.empty() ? to_bottom() : "";
  for (const std::string& line : lines_) {
    const std::string fitting = shortened(line, columns);
    text += shown_.empty() ? kEraseLine : "\r\n";
    text += fitting;
    shown_.push_back(columns_of(fitting));
  }
  notices_ = StopSignals::notices();
  width_ = std::max(1, terminal_width(Stream::err));
  height_ = terminal_height(Stream::err);
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
