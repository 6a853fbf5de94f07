// Options of `mnist train` that were given and change nothing: somebody expects otherwise.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "train_plan.hpp"

namespace mnist::cli {

// A sentence for each of them, with the reason. `given`: the command as it was typed; what the environment says, and
// values that ask for nothing, do not count.
std::vector<std::string> options_without_effect(const CLI::App& given, const Plan& plan);

}  // namespace mnist::cli
