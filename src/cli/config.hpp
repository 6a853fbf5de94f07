// --config FILE: options from a TOML file, checked as strictly as the command line, and the way back.
//
//   log-level = "debug"      # the program's options
//   [train]                  # those of a command, named as on the command line without the dashes
//   epochs = 2
//
// Sections of commands that are not run are checked too, and then not used. Positional arguments stand on the command
// line only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace mnist::cli {

// Gives the program the option --config. When the command line is parsed it throws a usage `Error`: for a file that is
// missing, a folder, a device, a pipe or over 1 MB, before anything is read of it; and "<file>:<line>: ..." for a
// section, key or value that is not known, with the nearest one. `root` must outlive its parsing.
CLI::Option* add_config(CLI::App& root);

// The resolved options of a command under its [section], after parsing: those given and those that have a default.
// Reading it gives the same options, and them the same text. `resolved`: by key, what became of values such as "auto".
std::string resolved_config(const CLI::App& command, const std::map<std::string, std::string>& resolved = {});

// The options of which that text says that their values cannot stand in it.
std::vector<std::string> options_left_out(const std::string& config);

}  // namespace mnist::cli
