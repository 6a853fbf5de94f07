#include "mnist/core/signals.hpp"

#include <atomic>
#include <cstdint>

#include "stop_state.hpp"

namespace mnist {
namespace {

std::atomic<std::int64_t> g_when = 0;  // time of the first signal, nanoseconds of the monotonic clock; 0: none
std::atomic<int> g_received = 0;
std::atomic<const char*> g_notice = "";
std::atomic<int> g_notices = 0;
std::atomic<std::int64_t> g_patience = 0;  // nanoseconds in which a second signal counts as the first one
static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<const char*>::is_always_lock_free);  // otherwise the handler could deadlock

const StopSignal* find_stop(int signal) {
  for (const StopSignal& stop : stop_signals()) {
    if (stop.number == signal) return &stop;
  }
  return nullptr;
}

}  // namespace

void expect_stop(const char* notice, double patience) {
  g_received = 0;
  g_patience = static_cast<std::int64_t>(patience * 1e9);
  g_when = 0;
  g_notice = notice;
}

void mute_stop() {
  g_notice = "";
}

void forget_stop() {
  g_received = 0;
}

void on_stop(int signal) {
  const char* const notice = g_notice;
  const bool tells = *notice != '\0';
  std::int64_t none = 0;
  if (g_when.compare_exchange_strong(none, monotonic_nanoseconds())) {
    g_received = signal;
    if (tells) ++g_notices;
    if (tells) tell_at_once(notice);
    return;
  }
  const StopSignal* const stop = find_stop(signal);
  if (stop == nullptr || !stop->second_ends || monotonic_nanoseconds() - g_when < g_patience) return;
  if (tells) tell_at_once("\nended at once by a second signal\n");
  end_process(signal);
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
  return when == 0 ? 0 : static_cast<double>(monotonic_nanoseconds() - when) / 1e9;
}

}  // namespace mnist
