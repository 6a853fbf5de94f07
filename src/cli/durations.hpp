// Parses durations and intervals of a run: "50min", "1.5h", "3epochs", "500steps".
#pragma once

#include <string>

#include "mnist/train/loop.hpp"

namespace mnist::cli {

// Seconds of a number with a unit: s, min or h. Throws a usage `Error` that contains `option`.
double parse_duration(const std::string& option, const std::string& text);

// When checkpoints are written: a number with epochs, steps, s, min or h. Throws as above.
CheckpointPolicy parse_checkpoint_every(const std::string& option, const std::string& text);

}  // namespace mnist::cli
