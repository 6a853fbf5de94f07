// What ends a training run before its last epoch: a signal, or --stop-after.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "mnist/core/signals.hpp"
#include "mnist/distributed/communicator.hpp"

namespace mnist::cli {

class Stop {
 public:
  // As `StopSignals` takes them.
  explicit Stop(const char* notice, double patience = 0) : signals_(notice, patience) {}

  // `seconds`: from the construction on, after which the run is to stop; 0: never. `checkpoint_exit_code`: of a run
  // that wants to be started again.
  void limit(double seconds, int checkpoint_exit_code);

  bool requested() const { return signalled() || (deadline_ && std::chrono::steady_clock::now() >= *deadline_); }

  // When this was constructed.
  std::chrono::steady_clock::time_point started() const { return started_; }

  // By a signal alone.
  bool signalled() const { return signals_.received() != 0; }

  // On all ranks, after a run that was stopped because one of them asked for it: each says its reason from here on, the
  // first rank's that has one.
  void agree(Communicator& ranks);

  // Once `requested()` is true, or after `agree`: "SIGTERM", "--stop-after"; the exit code; seconds since it was
  // requested.
  std::string reason() const;
  int exit_code() const;
  double seconds() const;

 private:
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  StopSignals signals_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  int checkpoint_exit_code_ = kStartAgain;
  int asked_ = -1;  // the rank that asked, where it is another one
  int its_signal_ = 0;
};

}  // namespace mnist::cli
