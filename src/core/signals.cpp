#include "mnist/core/signals.hpp"

#include <csignal>
#include <cstddef>
#include <cstring>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

namespace mnist {
namespace {

volatile std::sig_atomic_t g_received = 0;
volatile std::sig_atomic_t g_takes_interrupt = 0;
volatile std::sig_atomic_t g_takes_terminate = 0;
const char* volatile g_notice = "";
volatile std::size_t g_notice_size = 0;

extern "C" void remember(int signal) {
  if (g_received == 0) g_received = signal;
  // The one way to write that a signal handler has; that it fails is of no consequence.
  [[maybe_unused]] const auto written = write(2, g_notice, g_notice_size);
  // The next one of either kind ends the process: for those who do not want to wait for the step to finish.
  if (g_takes_interrupt) std::signal(SIGINT, SIG_DFL);
  if (g_takes_terminate) std::signal(SIGTERM, SIG_DFL);
}

// A signal that is ignored stays so: nohup, or a shell's job in the background.
StopSignals::Handler install(int signal) {
  const StopSignals::Handler former = std::signal(signal, remember);
  if (former == SIG_IGN) std::signal(signal, SIG_IGN);
  return former;
}

}  // namespace

StopSignals::StopSignals(const char* notice) {
  g_received = 0;
  g_notice = notice;
  g_notice_size = std::strlen(notice);
  former_interrupt_ = install(SIGINT);
  former_terminate_ = install(SIGTERM);
  g_takes_interrupt = former_interrupt_ != SIG_IGN;
  g_takes_terminate = former_terminate_ != SIG_IGN;
}

StopSignals::~StopSignals() {
  std::signal(SIGINT, former_interrupt_);
  std::signal(SIGTERM, former_terminate_);
}

void ignore_closed_pipes() {
#if defined(SIGPIPE)
  std::signal(SIGPIPE, SIG_IGN);
#endif
}

int StopSignals::received() const {
  return g_received;
}

}  // namespace mnist
