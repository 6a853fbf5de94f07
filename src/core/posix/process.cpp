// What Linux and macOS share of `process.hpp`.
#include "mnist/core/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <limits>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>

#include "mnist/core/error.hpp"

namespace mnist {

std::size_t allow_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::size_t>::max();
  const rlimit highest{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &highest) == 0) limit = highest;
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<std::size_t>::max()
                                         : static_cast<std::size_t>(limit.rlim_cur);
}

std::string host_name() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 && *name != '\0' ? name : "unknown";
}

int process_id() {
  return ::getpid();
}

bool process_exists(int id) {
  return ::kill(id, 0) == 0 || errno != ESRCH;
}

void exit_without_current_folder() {
  std::array<char, 4096> path;  // a longer one exists as well
  if (::getcwd(path.data(), path.size()) != nullptr || errno != ENOENT) return;
  constexpr std::string_view kError =
      "error: the current folder does not exist any more\nhint: change to another one, as in: cd ~\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kError.data(), kError.size());
  ::_exit(static_cast<int>(ErrorKind::data));
}

}  // namespace mnist
