// A program run as a user runs it: with arguments, environment, input and signals.
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
  std::map<std::string, std::string> changes;  // of this process's environment; an empty value takes a variable out
  std::string input = {};                      // on stdin
  std::filesystem::path folder = {};           // to run in; empty: this one
  std::filesystem::path output = {};           // file that gets stdout instead of `SubprocessResult::out`
  std::chrono::milliseconds limit = std::chrono::seconds(60);  // then it is killed

  // Called with what stdout has given so far each time it gives more, until it returns true; then `signal` is sent.
  std::function<bool(const std::string& out)> signal_when = {};
  bool watch_stderr = false;  // `signal_when` gets what stderr has given, not stdout
  int signal = 0;
};

struct SubprocessResult {
  int exit_code = -1;  // 128 + signal where one ended it
  std::string out;
  std::string err;
  bool timed_out = false;
  std::size_t peak_memory = 0;  // bytes resident at most; at least what this process had when it started the other
};

SubprocessResult run(const Subprocess& subprocess);

}  // namespace mnist::test
