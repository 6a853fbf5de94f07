// The status line of a terminal, which shows the progress and is redrawn. To write another line to that terminal, use
// `interrupt`: otherwise the line would start after the status line. Not for files and pipes.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

namespace mnist {

// May be used by several threads.
class StatusLine {
 public:
  // `terminal`: nullptr: there is none, and nothing is drawn.
  explicit StatusLine(std::FILE* terminal) : terminal_(terminal) {}
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  bool is_drawn_on() const { return terminal_ != nullptr; }

  // Replaces the status line by `line`; shortens it to the width of the terminal.
  void draw(const std::string& line);

  // Leaves an empty line.
  void clear();

  // Erases the status line and calls `write`; nothing is drawn in the meantime.
  template <class Write>
  void interrupt(Write&& write) {
    const std::lock_guard lock(mutex_);
    erase();
    std::forward<Write>(write)();
  }

 private:
  void erase();

  std::FILE* terminal_;
  std::mutex mutex_;
  bool shown_ = false;
};

}  // namespace mnist
