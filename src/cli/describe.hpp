// Commands and options as text, read from the parser: the one source of the help, the manual page and the completions
// of shells. What an option accepts is read from its placeholder, so that all of them show the same:
//
//   FILE, DIR, PATH     a file, a folder, either of them
//   sgd|adam            one of these words
//   FILE|none           a file, or this word
//   N, X, N{s|min|h}    a number, or any other text
//
// Not for checking values: see `options.hpp`.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace mnist::cli {

// The command's full name, such as "mnist train".
std::string command_name(const CLI::App& app);

// The commands of the program, in the order of the help.
std::vector<const CLI::App*> commands_of(const CLI::App& root);
std::vector<std::string> command_names(const CLI::App& root);

// The options of `app` itself, without those inherited from the program.
std::vector<const CLI::Option*> own_options(const CLI::App& app);

// Whether it has no name on the command line, but a position.
bool is_positional(const CLI::Option& option);

// The names on the command line, short ones first: "-h", "--help".
std::vector<std::string> names_of(const CLI::Option& option);

// "-h, --help", "--epochs N", "--save-model [FILE]", "PATH..."
std::string option_syntax(const CLI::Option& option);

// The description with default and environment variable.
std::string option_details(const CLI::Option& option);

// "mnist infer [options] [PATHS...]"
std::string usage_text(const CLI::App& app);

// The own footer of a command, or of the program; empty if there is none.
std::string own_footer(const CLI::App& app);

struct OptionSection {
  std::string title;
  std::vector<const CLI::Option*> options;
};

// The options that the help shows, by group: "Arguments", the named groups, "Options". Empty sections are left out.
std::vector<OptionSection> option_sections(const CLI::App& app);

// The options that every command accepts, and the help flag of `app`; for the program all its options.
OptionSection general_options(const CLI::App& app);

// All of the above: what can follow the command.
std::vector<const CLI::Option*> all_options(const CLI::App& app);

// What a shell can offer as the value of an option.
struct Candidates {
  std::vector<std::string> words;
  bool files = false;
  bool folders = false;   // with `files`: paths of both kinds
  bool list = false;      // several words, separated by commas
  bool optional = false;  // the option can be without a value
};

Candidates candidates_of(const CLI::Option& option);

}  // namespace mnist::cli
