#pragma once

#include <optional>

namespace mnist {

// Seconds that the processors of this process were idle since the system started: the sum over all of them. Returns
// nothing if the system does not report it.
std::optional<double> idle_seconds();

}  // namespace mnist
