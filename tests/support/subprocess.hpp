// Runs a program like a user: with arguments, environment, input and signals.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace mnist::test {

struct Subprocess {
  std::vector<std::string> command;            // the program's path first
  std::map<std::string, std::string> changes;  // changes of the environment; an empty value removes a variable
  std::string input = {};                      // on stdin
  std::filesystem::path folder = {};           // working directory; empty: the present one
  std::filesystem::path output = {};           // file for stdout, instead of `SubprocessResult::out`
  int terminal_columns = 0;  // above 0: stdout and stderr are one terminal of that width, whose text is in `out`
  std::chrono::milliseconds limit = std::chrono::seconds(60);  // after it the program is killed

  // Called with the output so far after each new part, until it returns true; then `signal` is sent.
  std::function<bool(const std::string& out)> signal_when = {};
  bool watch_stderr = false;  // `signal_when` gets stderr instead of stdout
  int signal = 0;
};

struct SubprocessResult {
  int exit_code = -1;  // 128 + signal if a signal ended it
  std::string out;
  std::string err;
  bool timed_out = false;
  std::size_t peak_memory = 0;  // peak resident set size in bytes; not less than this process's size at the start
};

SubprocessResult run(const Subprocess& subprocess);

// The lines of an output, without their line breaks.
std::vector<std::string> lines_of(const std::string& text);

}  // namespace mnist::test
