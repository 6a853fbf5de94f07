// The scripts that complete command lines of this program in shells, generated from the parser. Each completes
// commands, options, and values as `candidates_of` (`describe.hpp`) says, also in the form --option=VALUE.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace mnist::cli {

// bash 4 or newer; the package bash-completion is not needed.
std::string bash_completion(const CLI::App& root);

// zsh 5 or newer: a file _mnist in a folder of $fpath, or sourced after compinit.
std::string zsh_completion(const CLI::App& root);

// fish 3 or newer.
std::string fish_completion(const CLI::App& root);

// The names of the general options that need a value: the word after one of them is not a command.
std::vector<std::string> general_names_with_value(const CLI::App& root);

}  // namespace mnist::cli
