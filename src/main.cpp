#include "mnist/core/process.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/terminal.hpp"

#include "cli/app.hpp"

namespace {

#if defined(__ELF__)
// The loader calls this before the libraries initialise themselves, which takes most of the time until `main`.
void start_early(int /*argc*/, char** /*argv*/, char** /*environment*/) {
  mnist::hold_stop_request();
  mnist::exit_without_current_folder();
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const g_start_early)(int, char**, char**) = start_early;
#endif

}  // namespace

int main(int argc, char** argv) {
  mnist::open_closed_streams();
  mnist::hold_stop_request();
  return mnist::cli::run(argc, argv);
}
