#include "mnist/core/signals.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <span>
#include <unistd.h>

#include "stop_state.hpp"

namespace mnist {
namespace {

constexpr std::array<StopSignal, 4> kStops = {{
    {SIGINT, "SIGINT", 128 + SIGINT, true},
    {SIGTERM, "SIGTERM", 128 + SIGTERM, true},
    {SIGHUP, "SIGHUP", 128 + SIGHUP, false},
    {SIGUSR1, "SIGUSR1", kStartAgain, false},
}};

void mask(int how, int signal, sigset_t* former = nullptr) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::pthread_sigmask(how, &set, former);
}

extern "C" void on_stop_signal(int signal) {
  const int error = errno;
  on_stop(signal);
  errno = error;
}

}  // namespace

std::span<const StopSignal> stop_signals() {
  return kStops;
}

std::int64_t monotonic_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void tell_at_once(const char* text) {
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text));
}

// The first process of a container (PID 1) has no default action, so it calls _exit.
void end_process(int signal) {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, nullptr);
  ::raise(signal);
  mask(SIG_UNBLOCK, signal);
  ::_exit(128 + signal);
}

struct StopSignals::Previous {
  std::array<struct sigaction, kStops.size()> actions;
  sigset_t mask;
};

StopSignals::StopSignals(const char* notice, double patience) : previous_(std::make_unique<Previous>()) {
  expect_stop(notice, patience);
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
  mute_stop();
  previous_.reset();
}

StopSignals::~StopSignals() {
  if (previous_ == nullptr) return;
  // First: a repeated signal must not meet the previous action, which ends the process.
  ::pthread_sigmask(SIG_SETMASK, &previous_->mask, nullptr);
  for (std::size_t i = 0; i < kStops.size(); ++i) ::sigaction(kStops[i].number, &previous_->actions[i], nullptr);
  forget_stop();
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
