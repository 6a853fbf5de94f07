// Child processes: start them, signal them, wait for them. Children run in their own process group, so Ctrl-C in a
// terminal reaches only this process, which forwards it (Ctrl-Z stops only this process). On Linux, children get
// SIGTERM if this process is killed. They start with SIGUSR1 blocked: see `hold_stop_request`. Linux and macOS only.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mnist {

struct ChildEnd {
  std::size_t child = 0;  // index in the order of `start` calls, from 0
  int exit_code = 0;      // 128 + the signal number if a signal ended it
  int signal = 0;         // that ended it; 0: none
};

class ChildProcesses {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  ChildProcesses() = default;
  ~ChildProcesses();  // kills the running children
  ChildProcesses(const ChildProcesses&) = delete;
  ChildProcesses& operator=(const ChildProcesses&) = delete;

  // Starts a child. `environment`: variables that are added to this process's environment or replace variables in it;
  // an empty value removes the variable. `inherited`: a descriptor that the child inherits besides the standard
  // streams; -1: none. Throws an internal `Error` if the system cannot create a process. If the program cannot be
  // executed, the child exits with 127.
  void start(const std::filesystem::path& program, const std::vector<std::string>& arguments,
             const Environment& environment, int inherited = -1);

  std::size_t running() const;

  // Returns a child that has ended; each child is returned once. Returns nothing if no child ends within `patience` or
  // a signal interrupts the wait.
  std::optional<ChildEnd> wait(std::chrono::milliseconds patience);

  // Sends signal `number` to all running children.
  void signal(int number) const;

 private:
  std::vector<int> children_;  // 0: has ended
};

}  // namespace mnist
