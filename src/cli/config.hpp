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
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace mnist::cli {

class ConfigFile : public CLI::Config {
 public:
  // `root` outlives this object.
  explicit ConfigFile(CLI::App& root) : root_(root) {}

  // The resolved options of the command `app` under its [section], after parsing: given ones and defaults.
  std::string to_config(const CLI::App* app, bool default_also, bool write_description,
                        std::string prefix) const override;

  // Throws a usage `Error` "<file>:<line>: ..." for a section, key or value that is not known, with the nearest one.
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

 private:
  CLI::App& root_;
};

}  // namespace mnist::cli
