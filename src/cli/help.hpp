// The text of --help: the same for every command, and the same with every version of CLI11.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace mnist::cli {

// Columns of a help text.
constexpr int kHelpWidth = 100;

// Usage, description, positional arguments, options by group with default and environment variable, commands, footer;
// for a command also the general options.
class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

}  // namespace mnist::cli
