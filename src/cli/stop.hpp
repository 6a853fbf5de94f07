// Stops a training run before its last epoch: after a signal, or --stop-after.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "mnist/core/signals.hpp"
#include "mnist/distributed/communicator.hpp"

namespace mnist::cli {

class Stop {
 public:
  // The arguments of `StopSignals`.
  explicit Stop(const char* notice, double patience = kSameSignal) : signals_(notice, patience) {}

  // A signal while the process exits does not change the exit code: a batch system acts on it.
  ~Stop() { signals_.keep_until_exit(); }
  Stop(const Stop&) = delete;
  Stop& operator=(const Stop&) = delete;

  // `seconds`: time after construction until the run stops; 0: never. `checkpoint_exit_code`: exit code that requests a
  // restart.
  void limit(double seconds, int checkpoint_exit_code);

  // The time limit counts only after a step, so that a job that is restarted repeatedly finishes, however short the
  // limit is.
  bool requested() const {
    return signalled() || (made_step_ && deadline_ && std::chrono::steady_clock::now() >= *deadline_);
  }
  void step_done() { made_step_ = true; }

  // The model is written: from now on a signal does not announce a stop.
  void result_saved() { signals_.keep_until_exit(); }

  // Time of construction.
  std::chrono::steady_clock::time_point started() const { return started_; }

  // Whether a signal arrived.
  bool signalled() const { return signals_.received() != 0; }

  // Call it on all ranks after a run that a rank stopped: then all use the reason of the first rank that has one.
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
  bool made_step_ = false;
  int asked_ = -1;  // the rank that requested the stop, if another one
  int its_signal_ = 0;
};

}  // namespace mnist::cli
