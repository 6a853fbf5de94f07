#include "mnist/core/signals.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string_view>
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

std::atomic<std::int64_t> g_when = 0;  // time of the first signal, nanoseconds of the monotonic clock; 0: none
std::atomic<int> g_received = 0;
std::atomic<const char*> g_notice = "";
std::atomic<int> g_notices = 0;
std::atomic<std::int64_t> g_patience = 0;  // nanoseconds in which a second signal counts as the first one
static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<const char*>::is_always_lock_free);  // otherwise the handler could deadlock

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

// Does the default action. The first process of a container (PID 1) has none, so it calls _exit.
void end_process(int signal) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, nullptr);
  ::raise(signal);
  mask(SIG_UNBLOCK, signal);
  ::_exit(128 + signal);
}

// Only functions that are async-signal-safe.
extern "C" void on_stop_signal(int signal) {
  const int error = errno;
  std::int64_t none = 0;
  if (g_when.compare_exchange_strong(none, nanoseconds())) {
    g_received = signal;
    const char* const notice = g_notice;
    if (*notice != '\0') ++g_notices;
    // A failure does not matter.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, notice, std::strlen(notice));
  } else if ((signal == SIGINT || signal == SIGTERM) && nanoseconds() - g_when >= g_patience) {
    constexpr std::string_view kLast = "\nended at once by a second signal\n";
    if (*g_notice != '\0') {
      [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kLast.data(), kLast.size());
    }
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

struct StopSignals::Previous {
  std::array<struct sigaction, kStops.size()> actions;
  sigset_t mask;
};

StopSignals::StopSignals(const char* notice, double patience) : previous_(std::make_unique<Previous>()) {
  g_received = 0;
  g_patience = static_cast<std::int64_t>(patience * 1e9);
  g_when = 0;
  g_notice = notice;
  struct sigaction stop {};
  stop.sa_handler = on_stop_signal;
  stop.sa_flags = SA_RESTART;  // libraries do not expect interrupted reads and writes
  for (std::size_t i = 0; i < kStops.size(); ++i) {
    const int signal = kStops[i].number;
    ::sigaction(signal, nullptr, &previous_->actions[i]);
    if (previous_->actions[i].sa_handler != SIG_IGN) ::sigaction(signal, &stop, nullptr);
  }
  mask(SIG_UNBLOCK, SIGUSR1, &previous_->mask);  // see hold_stop_request
}

void StopSignals::keep_until_exit() {
  g_notice = "";
  previous_.reset();
}

StopSignals::~StopSignals() {
  if (previous_ == nullptr) return;
  // First: a repeated signal must not meet the previous action, which ends the process.
  ::pthread_sigmask(SIG_SETMASK, &previous_->mask, nullptr);
  for (std::size_t i = 0; i < kStops.size(); ++i) ::sigaction(kStops[i].number, &previous_->actions[i], nullptr);
  g_received = 0;
}

int StopSignals::received() const {
  return g_received;
}

bool StopSignals::stop_requested() {
  return g_received != 0;
}

int StopSignals::notices() {
  return g_notices;
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
  hold_signal(SIGUSR1);
}

void hold_signal(int signal) {
  mask(SIG_BLOCK, signal);
}

void release_signal(int signal) {
  mask(SIG_UNBLOCK, signal);
}

void ignore_closed_pipes() {
  std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace mnist
