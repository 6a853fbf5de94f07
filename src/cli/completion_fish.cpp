#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.hpp"
#include "describe.hpp"
#include "options.hpp"

namespace mnist::cli {
namespace {

constexpr const char* kFishHead = R"(# Completions of fish for mnist, written by: mnist completion fish

# Prints the command on the command line; fails if there is none yet.
function __mnist_command
    set -l words (commandline -opc)
    set -e words[1]
    set -l skip no
    for word in $words
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case {}
                echo $word
                return 0
            case {}
                set skip yes
        end
    end
    return 1
end

function __mnist_command_is
    test (__mnist_command; or echo none) = $argv[1]
end

complete -c mnist -f
)";

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// What completes a value: " -x -a 'adadelta sgd'".
std::string fish_value(const Candidates& candidates) {
  std::string arguments = fmt::format("{}", fmt::join(candidates.words, " "));
  if (candidates.list && !arguments.empty()) arguments = fmt::format("(__fish_append , {})", arguments);
  if (candidates.folders && !candidates.files) {
    arguments += arguments.empty() ? "(__fish_complete_directories)" : " (__fish_complete_directories)";
  }
  const std::string text = arguments.empty() ? "" : " -a " + fish_quoted(arguments);
  return (candidates.files ? " -F" : " -f") + text;
}

std::string fish_option(const std::string& condition, const CLI::Option& option) {
  std::string out = "complete -c mnist" + condition;
  for (const std::string& name : option.get_snames()) out += " -s " + name;
  for (const std::string& name : option.get_lnames()) out += " -l " + name;
  if (!is_flag(option)) out += " -r" + fish_value(candidates_of(option));
  return fmt::format("{} -d {}\n", out, fish_quoted(option_details(option)));
}

}  // namespace

std::string fish_completion(const CLI::App& root) {
  const std::string outside = " -n 'not __mnist_command >/dev/null'";
  std::string out =
      fmt::format(kFishHead, fmt::join(command_names(root), " "), fmt::join(general_names_with_value(root), " "));
  for (const CLI::App* command : commands_of(root)) {
    out += fmt::format("complete -c mnist{} -a {} -d {}\n", outside, command->get_name(),
                       fish_quoted(command->get_description()));
  }
  for (const CLI::Option* option : all_options(root)) out += fish_option(outside, *option);
  for (const CLI::App* command : commands_of(root)) {
    const std::string condition = fmt::format(" -n '__mnist_command_is {}'", command->get_name());
    out += "\n";
    for (const CLI::Option* option : own_options(*command)) {
      if (is_positional(*option)) out += "complete -c mnist" + condition + fish_value(candidates_of(*option)) + "\n";
    }
    for (const CLI::Option* option : all_options(*command)) out += fish_option(condition, *option);
  }
  return out;
}

}  // namespace mnist::cli
