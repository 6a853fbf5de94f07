#include <array>
#include <cerrno>
#include <string_view>
#include <unistd.h>

#include "mnist/core/error.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/terminal.hpp"

#include "cli/app.hpp"

namespace {

#if defined(__ELF__)
// oneMKL ends the process with a text of its own, and exit code 2, if it is loaded in a folder that was removed.
void check_current_folder() {
  std::array<char, 4096> path;  // a longer one exists as well
  if (::getcwd(path.data(), path.size()) != nullptr || errno != ENOENT) return;
  constexpr std::string_view kError =
      "error: the current folder does not exist any more\nhint: change to another one, as in: cd ~\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kError.data(), kError.size());
  ::_exit(static_cast<int>(mnist::ErrorKind::data));
}

// The loader calls this before the libraries initialise themselves, which takes most of the time until `main`.
void start_early(int /*argc*/, char** /*argv*/, char** /*environment*/) {
  mnist::hold_stop_request();
  check_current_folder();
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const g_start_early)(int, char**, char**) = start_early;
#endif

}  // namespace

int main(int argc, char** argv) {
  mnist::open_closed_streams();
  mnist::hold_stop_request();
  return mnist::cli::run(argc, argv);
}
