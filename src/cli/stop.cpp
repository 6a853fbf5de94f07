#include "stop.hpp"

#include <algorithm>

namespace mnist::cli {

using Clock = std::chrono::steady_clock;

void Stop::limit(double seconds, int checkpoint_exit_code) {
  checkpoint_exit_code_ = checkpoint_exit_code;
  constexpr double kForever = 1e9;  // the clock's nanoseconds end soon after
  const std::chrono::duration<double> time(std::min(seconds, kForever));
  if (seconds > 0) deadline_ = started_ + std::chrono::duration_cast<Clock::duration>(time);
}

std::string Stop::reason() const {
  return signalled() ? signals_.name() : "--stop-after";
}

int Stop::exit_code() const {
  // SIGUSR1, and the end of the time that --stop-after gives, ask to be started again.
  const int code = signalled() ? signals_.exit_code() : kStartAgain;
  return code == kStartAgain ? checkpoint_exit_code_ : code;
}

double Stop::seconds() const {
  if (signalled()) return signals_.seconds();
  return std::chrono::duration<double>(Clock::now() - *deadline_).count();
}

}  // namespace mnist::cli
