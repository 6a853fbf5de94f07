#include "idle.hpp"

namespace mnist {

// Windows counts the idle time of all processors, not of those that this process may use.
std::optional<double> idle_seconds() {
  return std::nullopt;
}

}  // namespace mnist
