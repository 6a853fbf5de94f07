// The status at the bottom of a terminal, which shows the progress and is redrawn: one line, or several. To write
// another line to that terminal, use `interrupt`: otherwise the line would start in the middle of the status. Not for
// files and pipes.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace mnist {

// Columns at the right that the status leaves free: the last one, after which some terminals wrap, and two for the ^C
// that a terminal writes behind the status.
inline constexpr int kStatusMargin = 3;

// Columns of a line of the status on the terminal of stderr as it is now, at least 1.
int status_columns();

// If the terminal becomes narrower, it breaks the lines; all their rows are erased. A status of several lines then
// moves to the bottom of the terminal, and other lines fill the gap above it. Without this, a terminal that becomes
// narrower again would move rows above its top, where nothing can be erased, although it has free rows below. Rows
// still stay there if the broken lines need more rows than the terminal has.
//
// May be used by several threads.
class StatusLine {
 public:
  // `terminal`: nullptr: there is none, and nothing is drawn. The size is that of the terminal of stderr.
  explicit StatusLine(std::FILE* terminal) : terminal_(terminal) {}
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  bool is_drawn_on() const { return terminal_ != nullptr; }

  // Replaces the status. Each line is shortened to `status_columns`. There must be fewer lines than the
  // terminal has: lines above its top cannot be erased.
  void draw(const std::string& line) { draw(std::vector<std::string>{line}); }
  void draw(const std::vector<std::string>& lines);

  // Leaves an empty line.
  void clear();

  // Leaves the status where it is; what follows is written below it.
  void leave();

  // Erases the status, calls `write`, and draws the status again below what it wrote. `write` must end its last line.
  template <class Write>
  void interrupt(Write&& write) {
    const std::lock_guard lock(mutex_);
    erase();
    std::forward<Write>(write)();
    room_ = 0;
    show();
  }

 private:
  std::string erasing();
  std::string showing();
  std::string to_bottom();
  void erase();
  void show();
  void put(const std::string& text);

  std::FILE* terminal_;
  std::mutex mutex_;
  std::vector<std::string> lines_;  // that the status has; empty: none
  std::vector<std::size_t> shown_;  // the columns of the lines on the terminal; empty: it is erased
  int notices_ = 0;                 // of stop signals, when it was drawn
  int width_ = 0;                   // of the terminal, when it was drawn
  int height_ = 0;
  bool at_bottom_ = false;  // of the terminal, which has saved the position below the other lines
  std::size_t room_ = 0;    // rows from there to the end of the status, at least; 0: unknown
};

}  // namespace mnist
