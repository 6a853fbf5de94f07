#include "mnist/core/signals.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <unistd.h>

namespace mnist {
namespace {

struct StopSignal {
  int number;
  const char* name;
  int exit_code;
};

constexpr std::array<StopSignal, 4> kStops = {{
    {SIGINT, "SIGINT", 128 + SIGINT},
    {SIGTERM, "SIGTERM", 128 + SIGTERM},
    {SIGHUP, "SIGHUP", 128 + SIGHUP},
    {SIGUSR1, "SIGUSR1", kStartAgain},
}};

std::atomic<std::int64_t> g_when = 0;  // the first signal came, nanoseconds of the monotonic clock; 0: none
std::atomic<int> g_received = 0;
std::atomic<const char*> g_notice = "";
std::atomic<std::int64_t> g_patience = 0;  // nanoseconds in which a second one is the first one's copy
static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<const char*>::is_always_lock_free);  // or a handler could wait for itself

std::int64_t nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void mask(int how, int signal, sigset_t* former = nullptr) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::pthread_sigmask(how, &set, former);
}

// As by default. The first process of a container has no default: it would go on.
void end_process(int signal) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, nullptr);
  ::raise(signal);
  mask(SIG_UNBLOCK, signal);
  ::_exit(128 + signal);
}

// Only what POSIX allows to a signal handler.
extern "C" void on_stop_signal(int signal) {
  const int error = errno;
  std::int64_t none = 0;
  if (g_when.compare_exchange_strong(none, nanoseconds())) {
    g_received = signal;
    const char* const notice = g_notice;
    // That it fails is of no consequence.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, notice, std::strlen(notice));
  } else if ((signal == SIGINT || signal == SIGTERM) && nanoseconds() - g_when >= g_patience) {
    end_process(signal);
  }
  errno = error;
}

const StopSignal* find_stop(int signal) {
  for (const StopSignal& stop : kStops) {
    if (stop.number == signal) return &stop;
  }
  return nullptr;
}

}  // namespace

struct StopSignals::Former {
  std::array<struct sigaction, kStops.size()> actions;
  sigset_t mask;
};

StopSignals::StopSignals(const char* notice, double patience) : former_(std::make_unique<Former>()) {
  g_received = 0;
  g_patience = static_cast<std::int64_t>(patience * 1e9);
  g_when = 0;
  g_notice = notice;
  struct sigaction stop {};
  stop.sa_handler = on_stop_signal;
  stop.sa_flags = SA_RESTART;  // libraries that read or write a file do not expect to be interrupted
  for (std::size_t i = 0; i < kStops.size(); ++i) {
    const int signal = kStops[i].number;
    ::sigaction(signal, nullptr, &former_->actions[i]);
    if (former_->actions[i].sa_handler != SIG_IGN) ::sigaction(signal, &stop, nullptr);
  }
  mask(SIG_UNBLOCK, SIGUSR1, &former_->mask);  // see hold_stop_request
}

StopSignals::~StopSignals() {
  // First: one that is sent again and again must not meet the former action, which ends the process.
  ::pthread_sigmask(SIG_SETMASK, &former_->mask, nullptr);
  for (std::size_t i = 0; i < kStops.size(); ++i) ::sigaction(kStops[i].number, &former_->actions[i], nullptr);
}

int StopSignals::received() const {
  return g_received;
}

int StopSignals::exit_code_of(int signal) {
  const StopSignal* const stop = find_stop(signal);
  return stop == nullptr ? 0 : stop->exit_code;
}

std::string StopSignals::name_of(int signal) {
  const StopSignal* const stop = find_stop(signal);
  return stop == nullptr ? "" : stop->name;
}

double StopSignals::seconds() const {
  const std::int64_t when = g_when;
  return when == 0 ? 0 : static_cast<double>(nanoseconds() - when) / 1e9;
}

void hold_stop_request() {
  mask(SIG_BLOCK, SIGUSR1);
}

void ignore_closed_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace mnist
