// --config FILE: options from a TOML file, checked as strictly as the command line, and the way back.
//
//   log-level = "debug"      # the program's options
//   [train]                  # those of a command, named as on the command line without the dashes
//   epochs = 2
//
// Sections of commands that are not run are checked too, and then not used. Positional arguments stand on the command
// line only.
#pragma once

#include <istream>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace mnist::cli {

// Reads the file for CLI11, in place of its own reader.
class ConfigFile : public CLI::ConfigBase {
 public:
  // `root` outlives this object.
  explicit ConfigFile(CLI::App& root) : root_(root) {}

  // Throws a usage `Error` "<file>:<line>: ..." for a section, key or value that is not known, with the nearest one.
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

 private:
  CLI::App& root_;
};

// The resolved options of a command under its [section], after parsing: those given and those that have a default.
// `resolved`: by key, what became of values such as "auto".
std::string resolved_config(const CLI::App& command, const std::map<std::string, std::string>& resolved = {});

}  // namespace mnist::cli
