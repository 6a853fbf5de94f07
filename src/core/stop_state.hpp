// What the sources of `signals.hpp` for each system share.
#pragma once

#include <cstdint>
#include <span>

namespace mnist {

struct StopSignal {
  int number;
  const char* name;
  int exit_code;
  bool second_ends;  // a second one ends the process at once
};

// Forgets a former signal, and starts to expect one; see the constructor of `StopSignals`.
void expect_stop(const char* notice, double patience);

// From now on without the notice.
void mute_stop();

// Afterwards no signal counts as received.
void forget_stop();

// What the handler of a signal does. Async-signal-safe, so all that it calls is, too.
void on_stop(int signal);

// Of the system:
std::span<const StopSignal> stop_signals();
std::int64_t monotonic_nanoseconds();
void tell_at_once(const char* text);  // on stderr; a failure does not matter
void end_process(int signal);         // by its default action

}  // namespace mnist
