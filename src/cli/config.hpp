// --config FILE: reads options from a TOML file, with the checks of the command line, and writes them.
//
//   log-level = "debug"      # the program's options
//   [train]                  # those of a command, named as on the command line without the dashes
//   epochs = 2
//
// Sections of other commands are checked, too, but not used. Positional arguments are for the command line only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace mnist::cli {

// Adds the option --config. Parsing then throws a usage `Error` before reading a file that is missing, a folder, a
// device, a pipe or larger than 1 MB; and "<file>:<line>: ..." for an unknown section, key or value, with the nearest
// known one. `root` must outlive its parsing.
CLI::Option* add_config(CLI::App& root);

// The resolved options of a command under its [section], after parsing: those given and those that have a default.
// Reading it gives the same options, and these give the same text. `resolved`: by key, the values to use instead of
// values such as "auto".
std::string resolved_config(const CLI::App& command, const std::map<std::string, std::string>& resolved = {});

// The options of a command that a config file may set.
std::vector<const CLI::Option*> config_options(const CLI::App& command);

// The options that such a text marks as not storable.
std::vector<std::string> options_left_out(const std::string& config);

}  // namespace mnist::cli
