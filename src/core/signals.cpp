#include "mnist/core/signals.hpp"

#include <array>
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

#if defined(SIGHUP)
constexpr int kHangUp = SIGHUP;
#else
constexpr int kHangUp = SIGBREAK;  // as near as Windows comes
#endif
constexpr std::array<int, StopSignals::kCount> kStops = {SIGINT, SIGTERM, kHangUp};

volatile std::sig_atomic_t g_received = 0;
volatile std::sig_atomic_t g_takes[kStops.size()] = {};
const char* volatile g_notice = "";
volatile std::size_t g_notice_size = 0;

extern "C" void remember(int signal) {
  if (g_received == 0) g_received = signal;
  // The one way to write that a signal handler has; that it fails is of no consequence.
  [[maybe_unused]] const auto written = write(2, g_notice, g_notice_size);
  // The next one ends the process: for those who do not want to wait for the step to finish. But a terminal that is
  // closed says so more than once, the shell first and then the system.
  for (std::size_t i = 0; i < kStops.size(); ++i) {
    if (g_takes[i] != 0) std::signal(kStops[i], kStops[i] == kHangUp ? SIG_IGN : SIG_DFL);
  }
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
  for (std::size_t i = 0; i < kStops.size(); ++i) {
    former_[i] = install(kStops[i]);
    g_takes[i] = former_[i] != SIG_IGN ? 1 : 0;
  }
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kStops.size(); ++i) std::signal(kStops[i], former_[i]);
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
