#include "stop.hpp"

#include <algorithm>

#include <ATen/ops/zeros.h>
#include <fmt/format.h>

namespace mnist::cli {

void Stop::limit(double seconds, int checkpoint_exit_code) {
  checkpoint_exit_code_ = checkpoint_exit_code;
  constexpr double kForever = 1e9;  // larger values would overflow the clock's nanoseconds
  const std::chrono::duration<double> time(std::min(seconds, kForever));
  if (seconds > 0) deadline_ = started_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
}

void Stop::agree(Communicator& ranks) {
  constexpr std::int64_t kDeadline = 1000;  // not a signal number
  const torch::Tensor reasons = at::zeros({ranks.size()}, at::kLong);
  auto* const reason_of = reasons.mutable_data_ptr<std::int64_t>();
  if (requested()) reason_of[ranks.rank()] = signalled() ? signals_.received() : kDeadline;
  ranks.sum(reasons);
  if (requested()) return;
  for (int rank = 0; rank < ranks.size(); ++rank) {
    if (reason_of[rank] == 0) continue;
    asked_ = rank;
    its_signal_ = reason_of[rank] == kDeadline ? 0 : static_cast<int>(reason_of[rank]);
    return;
  }
}

std::string Stop::reason() const {
  if (asked_ >= 0) {
    return fmt::format("{} of rank {}", its_signal_ == 0 ? "--stop-after" : StopSignals::name_of(its_signal_), asked_);
  }
  return signalled() ? signals_.name() : "--stop-after";
}

int Stop::exit_code() const {
  // SIGUSR1 and --stop-after request a restart.
  const int signal = asked_ >= 0 ? its_signal_ : signals_.received();
  const int code = signal == 0 ? kStartAgain : StopSignals::exit_code_of(signal);
  return code == kStartAgain ? checkpoint_exit_code_ : code;
}

double Stop::seconds() const {
  if (asked_ >= 0) return 0;
  if (signalled()) return signals_.seconds();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - *deadline_).count();
}

}  // namespace mnist::cli
