#include "support/subprocess.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <termios.h>
#include <unistd.h>

namespace mnist::test {
namespace {

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  return {ends[0], ends[1]};
}

// Line breaks stay as they are written.
Pipe make_terminal(int columns) {
  Pipe terminal;
  terminal.read_end = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal.read_end < 0 || ::grantpt(terminal.read_end) != 0 || ::unlockpt(terminal.read_end) != 0) {
    throw std::system_error(errno, std::generic_category(), "posix_openpt");
  }
  ::fcntl(terminal.read_end, F_SETFD, FD_CLOEXEC);
  terminal.write_end = ::open(::ptsname(terminal.read_end), O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal.write_end < 0) throw std::system_error(errno, std::generic_category(), "ptsname");
  winsize size{};
  size.ws_col = static_cast<unsigned short>(columns);
  size.ws_row = 24;
  ::ioctl(terminal.write_end, TIOCSWINSZ, &size);
  termios mode{};
  ::tcgetattr(terminal.write_end, &mode);
  mode.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  ::tcsetattr(terminal.write_end, TCSANOW, &mode);
  return terminal;
}

void close_end(int& end) {
  if (end >= 0) ::close(end);
  end = -1;
}

std::vector<std::string> environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (!changes.contains(text.substr(0, text.find('=')))) variables.push_back(text);
  }
  for (const auto& [name, value] : changes) {
    if (!value.empty()) variables.emplace_back(name).append("=").append(value);
  }
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Reads what there is; closes `end` where nothing more will come.
void read_some(int& end, std::string& into) {
  std::array<char, 65536> buffer{};
  const ssize_t count = ::read(end, buffer.data(), buffer.size());
  if (count > 0) {
    into.append(buffer.data(), static_cast<std::size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    close_end(end);
  }
}

// Writes the next part of `input` from `done` on; closes `end` behind the last.
void write_some(int& end, const std::string& input, std::size_t& done) {
  const ssize_t count = ::write(end, input.data() + done, input.size() - done);
  if (count > 0) done += static_cast<std::size_t>(count);
  if (count < 0 || done == input.size()) close_end(end);
}

// The child's part, after fork(): only what is safe in a process with other threads. Does not return.
[[noreturn]] void execute(const Subprocess& subprocess, const Pipe& in, const Pipe& out, const Pipe& err,
                          const std::vector<char*>& argv, const std::vector<char*>& envp) {
  for (const int signal : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGUSR1}) std::signal(signal, SIG_DFL);
  const int output =
      subprocess.output.empty() ? out.write_end : ::open(subprocess.output.c_str(), O_WRONLY | O_CREAT, 0666);
  ::dup2(in.read_end, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(subprocess.terminal_columns > 0 ? output : err.write_end, STDERR_FILENO);
  if (!subprocess.folder.empty() && ::chdir(subprocess.folder.c_str()) != 0) ::_exit(126);
  ::execve(argv[0], argv.data(), envp.data());
  ::_exit(127);
}

}  // namespace

SubprocessResult run(const Subprocess& subprocess) {
  // All that takes memory comes before fork(): behind it only what is safe in a process with other threads.
  std::vector<std::string> arguments = subprocess.command;
  std::vector<std::string> variables = environment(subprocess.changes);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(variables);
  Pipe in = make_pipe();
  Pipe out = subprocess.terminal_columns > 0 ? make_terminal(subprocess.terminal_columns) : make_pipe();
  Pipe err = make_pipe();
  std::signal(SIGPIPE, SIG_IGN);  // a program that does not read its input must not end the test

  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) execute(subprocess, in, out, err, argv, envp);
  close_end(in.read_end);
  close_end(out.write_end);
  close_end(err.write_end);
  ::fcntl(in.write_end, F_SETFL, O_NONBLOCK);
#ifdef F_SETPIPE_SZ
  // The program cannot be further than this ahead of the line that the signal waits for.
  if (subprocess.signal_when) ::fcntl(out.read_end, F_SETPIPE_SZ, 4096);
#endif

  SubprocessResult result;
  const auto end = std::chrono::steady_clock::now() + subprocess.limit;
  bool signalled = !subprocess.signal_when;
  std::size_t written = 0;
  if (subprocess.input.empty()) close_end(in.write_end);
  while (out.read_end >= 0 || err.read_end >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      result.timed_out = true;
      ::kill(child, SIGKILL);
      break;
    }
    std::array<pollfd, 3> waited = {{{out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}, {in.write_end, POLLOUT, 0}}};
    if (::poll(waited.data(), waited.size(), static_cast<int>(left.count())) <= 0) continue;
    if (waited[0].revents != 0) read_some(out.read_end, result.out);
    if (waited[1].revents != 0) read_some(err.read_end, result.err);
    if (waited[2].revents != 0) write_some(in.write_end, subprocess.input, written);
    if (!signalled && subprocess.signal_when(subprocess.watch_stderr ? result.err : result.out)) {
      ::kill(child, subprocess.signal);
      signalled = true;
    }
  }
  close_end(in.write_end);
  close_end(out.read_end);
  close_end(err.read_end);
  int status = 0;
  rusage usage{};
  while (::wait4(child, &status, 0, &usage) < 0 && errno == EINTR) continue;
#ifdef __APPLE__
  constexpr std::size_t kUnit = 1;
#else
  constexpr std::size_t kUnit = 1024;
#endif
  result.peak_memory = static_cast<std::size_t>(usage.ru_maxrss) * kUnit;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace mnist::test
