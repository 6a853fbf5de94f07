// The program's exceptions. Everything that a user can cause or meet is thrown as an `Error`. `cli` prints its message
// and a `hint:` line and turns its kind into the exit code.
//
// Not for programming mistakes (use `TORCH_INTERNAL_ASSERT` or a plain `std::logic_error`, which give exit code 1).
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

namespace mnist {

// What kind of thing went wrong, so that a user knows where to fix it. The values are exit codes that scripts rely on:
// never renumber them.
enum class ErrorKind {
  internal = 1,    // a defect of this program
  usage = 2,       // command line, config file or environment
  data = 3,        // a file or data set: missing, unreadable, damaged, of the wrong kind, not writable
  device = 4,      // the requested device is not available
  diverged = 5,    // the loss is no longer a finite number
  rank_lost = 75,  // another process of the run is lost; a restart continues the run (sysexits.h: EX_TEMPFAIL)
};

class Error : public std::runtime_error {
 public:
  // `message`: one line without full stop that says what is wrong, which value and which file. `hint`: one sentence
  // that says how to fix it; empty if there is no useful advice.
  Error(ErrorKind kind, const std::string& message, std::string hint = "")
      : std::runtime_error(message), kind_(kind), hint_(std::move(hint)) {}

  ErrorKind kind() const { return kind_; }
  const std::string& hint() const { return hint_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
  std::string hint_;
};

// Thrown by long work, between two steps, after its `stop_requested` returned true. Not an `Error`: nothing is wrong.
// The caller, who supplied `stop_requested`, knows the reason and the exit code.
class Stopped : public std::exception {
 public:
  const char* what() const noexcept override { return "stopped on request"; }
};

inline Error usage_error(const std::string& message, std::string hint = "") {
  return {ErrorKind::usage, message, std::move(hint)};
}
inline Error data_error(const std::string& message, std::string hint = "") {
  return {ErrorKind::data, message, std::move(hint)};
}
inline Error device_error(const std::string& message, std::string hint = "") {
  return {ErrorKind::device, message, std::move(hint)};
}

}  // namespace mnist
