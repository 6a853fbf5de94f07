// Leaving when asked to: SIGINT, SIGTERM and SIGHUP (a terminal that is closed) become a flag that long work looks at
// between two steps, so that nothing is left half-written. A second SIGINT or SIGTERM ends the process at once, as by
// default.
//
// At most one at a time, made by the command whose work is worth saving; other commands end at once, as by default.
// What its handler knows are the only mutable globals of the program, because a signal handler can reach nothing else.
#pragma once

#include <array>
#include <cstddef>

namespace mnist {

class StopSignals {
 public:
  using Handler = void (*)(int);
  static constexpr std::size_t kCount = 3;

  // Installs the handlers; a signal that the process ignores stays ignored. `notice`: a literal that the first signal
  // writes to stderr, because what is asked for takes a moment.
  explicit StopSignals(const char* notice = "");
  ~StopSignals();  // puts the former ones back
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // 0, or the number of the first signal that came: exit code = 128 + signal.
  int received() const;

 private:
  std::array<Handler, kCount> former_;
};

// From now on a reader that leaves ("mnist train | head", or a `tee` that Ctrl-C ended first) is an error of the write
// and no longer the end of the process: for commands whose work is worth more than their output.
void ignore_closed_pipes();

}  // namespace mnist
