// The speed of something that is counted: images of an epoch, of an evaluation, files that are read.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace mnist {

// Counts from the first call on, so that the first batch, which includes the warm-up, does not count.
class CountSpeed {
 public:
  // Items per second until now, at which `done` items are done; 0: unknown. A `done` that is not above the first one
  // begins a new count.
  double after(std::int64_t done) {
    const auto now = std::chrono::steady_clock::now();
    if (!first_ || done <= first_->second) {
      first_ = {now, done};
      return 0;
    }
    const double seconds = std::chrono::duration<double>(now - first_->first).count();
    return seconds > 0 ? static_cast<double>(done - first_->second) / seconds : 0;
  }

 private:
  std::optional<std::pair<std::chrono::steady_clock::time_point, std::int64_t>> first_;
};

}  // namespace mnist
