// Converts CLI11's errors to usage errors with hints.
#pragma once

#include <CLI/CLI.hpp>

#include "mnist/core/error.hpp"

namespace mnist::cli {

// The usage `Error` for `error`, which `root.parse` threw. An unknown word has priority: it often causes the
// other errors.
Error explain(const CLI::ParseError& error, const CLI::App& root);

}  // namespace mnist::cli
