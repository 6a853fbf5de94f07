#include "stop.hpp"

namespace mnist::cli {

using Clock = std::chrono::steady_clock;

void Stop::limit(double seconds, int checkpoint_exit_code) {
  checkpoint_exit_code_ = checkpoint_exit_code;
  if (seconds > 0) {
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
}

std::string Stop::reason() const {
  return signalled() ? signals_.name() : "--stop-after";
}

int Stop::exit_code() const {
  // SIGUSR1, and the end of the time that --stop-after gives, ask to be started again.
  constexpr int kStartAgain = 85;
  const int code = signalled() ? signals_.exit_code() : kStartAgain;
  return code == kStartAgain ? checkpoint_exit_code_ : code;
}

double Stop::seconds() const {
  if (signalled()) return signals_.seconds();
  return std::chrono::duration<double>(Clock::now() - *deadline_).count();
}

}  // namespace mnist::cli
