// Windows has events of the console instead of signals. They arrive in a thread of their own:
//
//   Ctrl-C                               SIGINT
//   Ctrl-Break                           SIGTERM
//   the console closes, logoff, shutdown SIGHUP: Windows ends the process five seconds later at the latest
//
// Nothing corresponds to SIGUSR1. Number and exit code are those of Linux.
#include "mnist/core/signals.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <span>
#include <thread>
#include <windows.h>

#include "stop_state.hpp"

namespace mnist {
namespace {

constexpr int kHangup = 1;

constexpr std::array<StopSignal, 4> kStops = {{
    {SIGINT, "SIGINT", 130, true},
    {SIGTERM, "SIGTERM", 143, true},
    {SIGBREAK, "Ctrl-Break", 143, true},
    {kHangup, "SIGHUP", 129, false},
}};

BOOL WINAPI on_console_event(DWORD event) {
  on_stop(event == CTRL_C_EVENT ? SIGINT : event == CTRL_BREAK_EVENT ? SIGTERM : kHangup);
  // Windows ends the process when this function returns, and after 5 s at the latest.
  if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) std::this_thread::sleep_for(std::chrono::minutes(1));
  return TRUE;
}

// For `raise`, which forgets its handler.
extern "C" void on_raised_signal(int signal) {
  std::signal(signal, on_raised_signal);
  on_stop(signal);
}

}  // namespace

std::span<const StopSignal> stop_signals() {
  return kStops;
}

std::int64_t monotonic_nanoseconds() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Not by stdio, whose lock another thread may hold while it waits for the console.
void tell_at_once(const char* text) {
  DWORD written = 0;
  ::WriteFile(::GetStdHandle(STD_ERROR_HANDLE), text, static_cast<DWORD>(std::strlen(text)), &written, nullptr);
}

void end_process(int signal) {
  std::_Exit(StopSignals::exit_code_of(signal));
}

struct StopSignals::Previous {
  void (*interrupt)(int);
  void (*terminate)(int);
};

StopSignals::StopSignals(const char* notice, double patience) {
  expect_stop(notice, patience);
  previous_.reset(new Previous{std::signal(SIGINT, on_raised_signal), std::signal(SIGTERM, on_raised_signal)});
  ::SetConsoleCtrlHandler(on_console_event, TRUE);
}

void StopSignals::keep_until_exit() {
  mute_stop();
  previous_.reset();
}

StopSignals::~StopSignals() {
  if (previous_ == nullptr) return;
  ::SetConsoleCtrlHandler(on_console_event, FALSE);
  std::signal(SIGINT, previous_->interrupt);
  std::signal(SIGTERM, previous_->terminate);
  forget_stop();
}

// Nothing to hold: an event before the first handler ends a process that has not written anything yet.
void hold_stop_request() {}
void hold_signal(int /*signal*/) {}
void release_signal(int /*signal*/) {}

// There is no signal for it: a write fails.
void ignore_closed_pipes() {}

}  // namespace mnist
