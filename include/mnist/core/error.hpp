// What the program throws. Everything a user can cause or meet is thrown as an `Error`; `cli` prints it as one
// line and a `hint:` line and turns its kind into the process's exit code.
//
// Not for programming mistakes (use `TORCH_INTERNAL_ASSERT` or a plain `std::logic_error`: they end as exit code 1).
#pragma once

#include <exception>
#include <stdexcept>
#include <string>

namespace mnist {

// What went wrong, by who can mend it. The values are the exit codes that scripts rely on: never renumber.
enum class ErrorKind {
  internal = 1,    // a defect of the program itself
  usage = 2,       // command line, config file or environment
  data = 3,        // a file or data set: missing, unreadable, damaged, of the wrong kind, not writable
  device = 4,      // a device that was asked for by name is not available
  diverged = 5,    // the loss stopped being a finite number
  rank_lost = 75,  // another process of the run is gone; started again, the run continues (sysexits.h: EX_TEMPFAIL)
};

class Error : public std::runtime_error {
 public:
  // `message`: one line, no full stop, no line breaks, says what, which value and which file.
  // `hint`: one sentence with what to do about it; empty where there is nothing useful to say.
  Error(ErrorKind kind, const std::string& message, std::string hint = "")
      : std::runtime_error(message), kind_(kind), hint_(std::move(hint)) {}

  ErrorKind kind() const { return kind_; }
  const std::string& hint() const { return hint_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
  std::string hint_;
};

// Thrown by long work, between two steps, because its `stop_requested` said so. Not an `Error`: nothing is wrong.
// Whoever gave it `stop_requested` knows the reason and the exit code.
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
