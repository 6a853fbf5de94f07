// Graceful stop: SIGINT, SIGTERM, SIGHUP (the terminal closes) and SIGUSR1 (a batch system reclaims the processor) set
// a flag. Long work checks the flag between two steps, so that no file is left half-written.
//
//   signal    exit code   second signal
//   SIGINT    130         ends the process at once (the default action)
//   SIGTERM   143         likewise
//   SIGHUP    129         ignored: the shell sends one, and then the system
//   SIGUSR1   85          ignored; 85 asks the batch system to restart the job
//
// At most one `StopSignals` at a time. Commands with long work create one; other commands keep the default actions. The
// handler's state is the program's only mutable global state, because a signal handler can reach nothing else. Windows
// has events of the console instead: see src/core/windows/signals.cpp.
#pragma once

#include <array>
#include <csignal>
#include <memory>
#include <string>

namespace mnist {

// The exit code that asks a batch system to start the job again.
inline constexpr int kStartAgain = 85;

// Asks a server to read its files again: SIGHUP. 0 on Windows, where nothing asks for it.
#ifdef SIGHUP
inline constexpr int kReloadSignal = SIGHUP;
#else
inline constexpr int kReloadSignal = 0;
#endif

// Ask a server to end: on Windows also Ctrl-Break.
inline constexpr std::array kEndSignals = {
    SIGTERM,
    SIGINT,
#ifdef SIGBREAK
    SIGBREAK,
#endif
};

// Seconds between two copies of one signal, at most.
inline constexpr double kSameSignal = 0.3;

class StopSignals {
 public:
  // Installs the handlers. A signal that the process ignores stays ignored (nohup, a background job of a shell).
  // `notice`: a string literal that the first signal writes to stderr, because stopping takes a moment; a second one
  // that ends the process then writes a line, too. `patience`: seconds after the first signal in which a second one
  // counts as the same one: timeout(1) sends a signal to the process and to its group, and a launcher may forward one
  // that the terminal has already sent to all processes.
  explicit StopSignals(const char* notice = "", double patience = kSameSignal);
  ~StopSignals();  // restores the previous handlers, except after `keep_until_exit`
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The result is saved, and what is left takes a moment: until the process exits, a first signal only sets the flag,
  // without the notice, so that the exit code stays the one of the work. A second SIGINT or SIGTERM ends the process.
  void keep_until_exit();

  // The number of the first signal that arrived; 0 if none did.
  int received() const;

  // Whether a signal arrived for the existing `StopSignals`: for code that waits far below the command that owns it.
  static bool stop_requested();

  // How many notices this process has written so far. Each replaced the line of the terminal that the cursor was in.
  static int notices();

  // Of that signal; 0 and "" if none arrived.
  int exit_code() const { return exit_code_of(received()); }
  std::string name() const { return name_of(received()); }
  double seconds() const;  // since it arrived; 0 if none did

  // The same for a signal that another process received.
  static int exit_code_of(int signal);
  static std::string name_of(int signal);  // "SIGTERM"

 private:
  struct Previous;
  std::unique_ptr<Previous> previous_;
};

// Blocks SIGUSR1 until the next `StopSignals`: its default action would end the process. Call it first in `main`. A
// command without `StopSignals` never receives the signal.
void hold_stop_request();

// Blocks a signal until `release_signal`, which delivers it if it came meanwhile. In the main thread, before others
// start.
void hold_signal(int signal);
void release_signal(int signal);

// Ignores SIGPIPE from now on: if the reader of a pipe exits ("mnist train | head", or `tee` after Ctrl-C), the write
// fails but the process continues. For commands whose work is worth more than their output.
void ignore_closed_pipes();

}  // namespace mnist
