// Windows has events of the console instead of signals. They arrive in a thread of their own:
//
//   Ctrl-C                               SIGINT
//   Ctrl-Break                           SIGTERM
//   the console closes, logoff, shutdown SIGHUP: Windows ends the process five seconds later at the latest
//
// Nothing corresponds to SIGUSR1. Number and exit code are those of Linux.
#include "mnist/core/signals.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <windows.h>

namespace mnist {
namespace {

constexpr int kHangup = 1;

struct StopSignal {
  int number;
  const char* name;
  int exit_code;
};

constexpr std::array<StopSignal, 4> kStops = {{
    {SIGINT, "SIGINT", 130},
    {SIGTERM, "SIGTERM", 143},
    {SIGBREAK, "Ctrl-Break", 143},
    {kHangup, "SIGHUP", 129},
}};

std::atomic<std::int64_t> g_when = 0;  // time of the first signal, nanoseconds of the monotonic clock; 0: none
std::atomic<int> g_received = 0;
std::atomic<const char*> g_notice = "";
std::atomic<int> g_notices = 0;
std::atomic<std::int64_t> g_patience = 0;  // nanoseconds in which a second signal counts as the first one

std::int64_t nanoseconds() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

const StopSignal* find_stop(int signal) {
  for (const StopSignal& stop : kStops) {
    if (stop.number == signal) return &stop;
  }
  return nullptr;
}

// Not by stdio, whose lock another thread may hold while it waits for the console.
void tell(const char* text) {
  DWORD written = 0;
  ::WriteFile(::GetStdHandle(STD_ERROR_HANDLE), text, static_cast<DWORD>(std::strlen(text)), &written, nullptr);
}

void on_stop_signal(int signal) {
  std::int64_t none = 0;
  if (g_when.compare_exchange_strong(none, nanoseconds())) {
    g_received = signal;
    const char* const notice = g_notice;
    if (*notice == '\0') return;
    ++g_notices;
    tell(notice);
  } else if (signal != kHangup && nanoseconds() - g_when >= g_patience) {
    if (*g_notice != '\0') tell("\nended at once by a second signal\n");
    std::_Exit(StopSignals::exit_code_of(signal));
  }
}

BOOL WINAPI on_console_event(DWORD event) {
  on_stop_signal(event == CTRL_C_EVENT ? SIGINT : event == CTRL_BREAK_EVENT ? SIGTERM : kHangup);
  // Windows ends the process when this function returns, and after 5 s at the latest.
  if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) std::this_thread::sleep_for(std::chrono::minutes(1));
  return TRUE;
}

// For `raise`, which forgets its handler.
extern "C" void on_raised_signal(int signal) {
  std::signal(signal, on_raised_signal);
  on_stop_signal(signal);
}

}  // namespace

struct StopSignals::Previous {
  void (*interrupt)(int);
  void (*terminate)(int);
};

StopSignals::StopSignals(const char* notice, double patience) {
  g_received = 0;
  g_patience = static_cast<std::int64_t>(patience * 1e9);
  g_when = 0;
  g_notice = notice;
  previous_.reset(new Previous{std::signal(SIGINT, on_raised_signal), std::signal(SIGTERM, on_raised_signal)});
  ::SetConsoleCtrlHandler(on_console_event, TRUE);
}

void StopSignals::keep_until_exit() {
  g_notice = "";
  previous_.reset();
}

StopSignals::~StopSignals() {
  if (previous_ == nullptr) return;
  ::SetConsoleCtrlHandler(on_console_event, FALSE);
  std::signal(SIGINT, previous_->interrupt);
  std::signal(SIGTERM, previous_->terminate);
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

// Nothing to hold: an event before the first handler ends a process that has not written anything yet.
void hold_stop_request() {}
void hold_signal(int /*signal*/) {}
void release_signal(int /*signal*/) {}

// There is no signal for it: a write fails.
void ignore_closed_pipes() {}

}  // namespace mnist
