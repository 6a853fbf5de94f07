#include "mnist/core/child_processes.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include <fmt/format.h>

#include "mnist/core/error.hpp"

extern char** environ;

namespace mnist {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_with(const ChildProcesses::Environment& changes) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    if (std::ranges::find(changes, name, &std::pair<std::string, std::string>::first) == changes.end()) {
      result.push_back(text);
    }
  }
  for (const auto& [name, value] : changes) {
    if (!value.empty()) result.push_back(fmt::format("{}={}", name, value));
  }
  return result;
}

}  // namespace

ChildProcesses::~ChildProcesses() {
  signal(SIGKILL);
  for (const pid_t child : children_) {
    if (child != 0) ::waitpid(child, nullptr, 0);
  }
}

void ChildProcesses::start(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                           const Environment& environment, int inherited) {
  std::vector<std::string> words = arguments;
  std::vector<std::string> variables = environment_with(environment);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(variables);
  const pid_t group = children_.empty() ? 0 : children_.front();
  [[maybe_unused]] const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) {
    throw Error(ErrorKind::internal, fmt::format("cannot start a process: {}", std::strerror(errno)),
                "end other programs, or start fewer processes");
  }
  if (child == 0) {  // only functions that POSIX allows between fork and exec
    ::setpgid(0, group);
#if defined(__linux__)
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);  // the parent was killed before prctl
#endif
    if (inherited >= 0) ::fcntl(inherited, F_SETFD, 0);
    // The default action would end a program that has not installed its handlers yet.
    sigset_t held;
    ::sigemptyset(&held);
    ::sigaddset(&held, SIGUSR1);
    ::sigprocmask(SIG_BLOCK, &held, nullptr);
    ::execve(program.c_str(), argv.data(), envp.data());
    ::_exit(127);
  }
  ::setpgid(child, group);  // in parent and child: either may run first
  children_.push_back(child);
}

std::size_t ChildProcesses::running() const {
  return children_.size() - static_cast<std::size_t>(std::ranges::count(children_, 0));
}

std::optional<ChildEnd> ChildProcesses::wait(std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  do {
    for (std::size_t i = 0; i < children_.size(); ++i) {
      int status = 0;
      if (children_[i] == 0 || ::waitpid(children_[i], &status, WNOHANG) != children_[i]) continue;
      children_[i] = 0;
      const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      return ChildEnd{i, number == 0 ? WEXITSTATUS(status) : 128 + number, number};
    }
    const timespec pause{0, 10'000'000};
    if (::nanosleep(&pause, nullptr) != 0) return std::nullopt;
  } while (std::chrono::steady_clock::now() < end);
  return std::nullopt;
}

void ChildProcesses::signal(int number) const {
  for (const pid_t child : children_) {
    if (child != 0) ::kill(child, number);
  }
}

}  // namespace mnist
