#include "mnist/core/process.hpp"

#include <ctime>

#include <fmt/chrono.h>

namespace mnist {

std::string utc_time(double seconds_ago) {
  const std::time_t then = std::time(nullptr) - static_cast<std::time_t>(seconds_ago);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(then));
}

}  // namespace mnist
