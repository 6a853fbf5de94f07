// Finds given options of `mnist train` that have no effect.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "train_plan.hpp"

namespace mnist::cli {

// One sentence per option, with the reason. `given`: the parsed command line; ignores values from the environment, and
// values that request nothing. `arguments`: the command line as the process got it, without a config file: that of a
// run has all options, with their defaults. `draws`: whether there is a terminal for progress.
std::vector<std::string> options_without_effect(const CLI::App& given, const Plan& plan,
                                                const std::vector<std::string>& arguments, bool draws);

}  // namespace mnist::cli
