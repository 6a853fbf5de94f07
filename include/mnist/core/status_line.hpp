// The one line of a terminal that is drawn again and again while the program works: progress. Whoever writes another
// line to that terminal does it within `interrupt`, so that none begins behind what is left of this one. Not for files
// and pipes.
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

  // `line` in place of the one before; one that is too wide for the terminal is cut.
  void draw(const std::string& line);

  // Leaves an empty line.
  void clear();

  // Takes the line away, and writes other lines; nothing is drawn meanwhile.
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
