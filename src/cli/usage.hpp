// What is wrong with a command line, said so that the next try works: CLI11's errors turned into ours.
#pragma once

#include <CLI/CLI.hpp>

#include "mnist/core/error.hpp"

namespace mnist::cli {

// The usage `Error` for `error`, which `root.parse` threw. A word that nothing knows goes first: it is often the cause
// of the rest.
Error explain(const CLI::ParseError& error, const CLI::App& root);

}  // namespace mnist::cli
