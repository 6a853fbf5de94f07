#include "procs.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <unistd.h>

#include <fmt/format.h>

#include "mnist/core/child_processes.hpp"
#include "mnist/core/error.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/distributed/loopback.hpp"

#include "place.hpp"

namespace mnist::cli {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int kLost = static_cast<int>(ErrorKind::rank_lost);
constexpr int kNotExecuted = 127;
constexpr std::chrono::milliseconds kLeast = 2s;  // for a rank that is about to exit

// /proc/self/exe also works if the program file is replaced during the run.
std::filesystem::path own_program() {
  const std::filesystem::path self = "/proc/self/exe";
  std::error_code ignored;
  return std::filesystem::exists(self, ignored) ? self : executable_path();
}

void tell(const ChildEnd& ended, spdlog::logger& log) {
  if (ended.signal != 0) {
    log.warn("rank {} was killed by signal {} ({})", ended.child, ended.signal, ::strsignal(ended.signal));
  } else if (ended.exit_code == kNotExecuted) {
    log.error("rank {} could not be started: {} cannot be executed", ended.child, own_program().string());
  }
}

void start(ChildProcesses& ranks, int count, const Context& context) {
  const Listener listener = listen_on_loopback(0);
  for (int rank = 0; rank < count; ++rank) {
    ranks.start(own_program(), context.arguments, environment_of(rank, count, listener.port, listener.descriptor),
                rank == 0 ? listener.descriptor : -1);
  }
  ::close(listener.descriptor);  // rank 0's
}

}  // namespace

int run_processes(int count, std::chrono::seconds timeout, const Context& context) {
  const StopSignals signals;
  ChildProcesses ranks;
  start(ranks, count, context);
  int handed_on = 0;
  int code = 0;
  Clock::time_point end = Clock::time_point::max();  // deadline for the remaining ranks
  while (ranks.running() > 0) {
    if (const int signal = signals.received(); signal != handed_on) {
      ranks.signal(signal);
      handed_on = signal;
    }
    if (const std::optional<ChildEnd> ended = ranks.wait(100ms)) {
      // It had no signal handler yet: training starts only after all ranks have connected.
      const bool was_told = ended->signal != 0 && ended->signal == handed_on;
      const int its = was_told ? signals.exit_code() : ended->signal != 0 ? kLost : ended->exit_code;
      if (its == 0) continue;
      if (code == 0 || code == kLost) code = its;
      context.status->draw("");  // replaces the progress of rank 0
      if (!was_told) tell(*ended, context.log);
      // A rank that has detected a loss has waited for the lost one; the others then exit soon, or are stopped. Counts
      // from the first rank that ended: on a busy machine the others may need long to say why.
      const std::chrono::milliseconds limit = timeout;
      const auto patience = was_told || ended->exit_code == kLost ? std::max(limit * 15 / 100, kLeast) : limit;
      if (was_told || end == Clock::time_point::max()) end = std::min(end, Clock::now() + patience);
    }
    if (Clock::now() > end) {
      if (code == kLost) context.log.warn("{} of {} ranks do not exit and are killed", ranks.running(), count);
      ranks.signal(SIGKILL);
      end = Clock::time_point::max();
    }
  }
  return code;
}

}  // namespace mnist::cli
