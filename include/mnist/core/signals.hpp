// Leaving when asked to: SIGINT, SIGTERM, SIGHUP (a terminal that is closed) and SIGUSR1 (a batch system that wants the
// processor back) become a flag that long work looks at between two steps, so that nothing is left half-written.
//
//   signal    exit code   a second one
//   SIGINT    130         ends the process at once, as by default
//   SIGTERM   143         likewise
//   SIGHUP    129         nothing: the shell says it, and then the system
//   SIGUSR1   85          nothing; 85 asks to be started again
//
// At most one `StopSignals` at a time, made by a command whose work is worth it; other commands end at once, as by
// default. What its handler knows are the only mutable globals of the program, because a signal handler can reach
// nothing else. POSIX's: Windows has no sigaction, and of the four signals two.
#pragma once

#include <memory>
#include <string>

namespace mnist {

// The exit code that asks a batch system to start the job again.
inline constexpr int kStartAgain = 85;

class StopSignals {
 public:
  // Installs the handlers; a signal that the process ignores stays ignored (nohup, a shell's job in the background).
  // `notice`: a literal that the first signal writes to stderr, because what is asked for takes a moment. `patience`:
  // seconds after the first one in which a second one counts as the same. Launchers of several processes hand on what
  // the terminal has sent to all of them already.
  explicit StopSignals(const char* notice = "", double patience = 0);
  ~StopSignals();  // puts the former ones back
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // 0, or the number of the first signal that came.
  int received() const;

  // Of that signal; 0 and "" if none came.
  int exit_code() const { return exit_code_of(received()); }
  std::string name() const { return name_of(received()); }
  double seconds() const;  // since it came

  // The same of a signal that another process got.
  static int exit_code_of(int signal);
  static std::string name_of(int signal);  // "SIGTERM"

 private:
  struct Former;
  std::unique_ptr<Former> former_;
};

// Has a SIGUSR1 wait for the next `StopSignals`: by default it would end the process. For `main`, as early as it can; a
// command without `StopSignals` never sees it.
void hold_stop_request();

// From now on a reader that leaves ("mnist train | head", or a `tee` that Ctrl-C ended first) is an error of the write
// and no longer the end of the process: for commands whose work is worth more than their output.
void ignore_closed_pipes();

}  // namespace mnist
