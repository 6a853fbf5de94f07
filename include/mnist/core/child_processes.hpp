// Processes that this one starts and waits for. They are in a process group of their own, so that Ctrl-C in a terminal
// reaches only this process, which hands it on (Ctrl-Z stops only this one); and they get SIGTERM if this process is
// killed (Linux). They begin with SIGUSR1 blocked: see `hold_stop_request`. POSIX's.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace mnist {

struct ChildEnd {
  std::size_t child = 0;  // the order in which they were started
  int exit_code = 0;      // 128 + the signal's number if one ended it
  int signal = 0;         // 0: none did
};

class ChildProcesses {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  ChildProcesses() = default;
  ~ChildProcesses();  // kills those that run
  ChildProcesses(const ChildProcesses&) = delete;
  ChildProcesses& operator=(const ChildProcesses&) = delete;

  // `environment`: variables in addition to this process's own, in place of those of the same name; an empty value
  // takes one away. `inherited`: a descriptor that the child has too; -1: none but the standard ones. Throws an
  // internal `Error` if no process can be made; a program that cannot be executed ends with 127.
  void start(const std::filesystem::path& program, const std::vector<std::string>& arguments,
             const Environment& environment, int inherited = -1);

  std::size_t running() const;

  // One that has ended, each once; nothing if none does within `patience`, or a signal interrupts the waiting.
  std::optional<ChildEnd> wait(std::chrono::milliseconds patience);

  // Sends `number` to all that run.
  void signal(int number) const;

 private:
  std::vector<pid_t> children_;  // 0: has ended
};

}  // namespace mnist
