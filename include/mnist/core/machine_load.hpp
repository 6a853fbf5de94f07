// How much of the machine is left by others: for saying that times were measured beside other work.
#pragma once

#include <chrono>
#include <functional>
#include <istream>
#include <optional>

namespace mnist {

// Watches the processors that this process may use for `span`, and returns how many of them (1.8 is one and most of
// another) nobody else used. Nothing where the system does not tell. Time that this process itself spends meanwhile,
// in other threads, counts as not used.
std::optional<double> free_processors(std::chrono::milliseconds span);

// From the content of Linux's /proc/stat: the time that the processors which `counts` names have been idle or waiting
// for a disk since the start, together, in the system's ticks. Nothing where it has no line of any of them.
std::optional<double> idle_ticks(std::istream& stat, const std::function<bool(int processor)>& counts);

}  // namespace mnist
