#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.hpp"
#include "describe.hpp"
#include "options.hpp"

namespace mnist::cli {
namespace {

// $cur is the word to complete; bash replaces it by one of COMPREPLY. compopt fails outside a completion, in a test.
constexpr const char* kBashHead = R"(# Completions of bash for mnist, written by: mnist completion bash

# Offers those of the words that begin as the current one.
_mnist_words() {
  local word
  for word in "$@"; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$prefix$word")
  done
}

# The same for a list with commas.
_mnist_list() {
  [[ $cur == *,* ]] && prefix+=${cur%,*},
  cur=${cur##*,}
  _mnist_words "$@"
}

# Offers files (-f) or folders (-d); if none begins so, for example after a quote, leaves it to bash.
_mnist_paths() {
  local path
  while IFS= read -r path; do
    COMPREPLY+=("$prefix$path")
  done < <(compgen "$1" -- "$cur")
  if [[ ${#COMPREPLY[@]} -gt 0 ]]; then
    compopt -o filenames 2>/dev/null
  elif [[ $1 == -d ]]; then
    compopt -o dirnames 2>/dev/null
  else
    compopt -o default 2>/dev/null
  fi
}

)";

// Finds the command, and the option whose value the current word is.
constexpr const char* kBashBegin = R"(_mnist() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prefix='' command='' option='' assigned='' separator='' skip='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${{COMP_WORDS[i]}} == -- ]]; then
      separator=yes
    elif [[ ${{COMP_WORDS[i]}} == '=' ]]; then
      skip=yes
    elif [[ -n $skip ]]; then
      skip=''
    elif [[ -z $command ]]; then
      case ${{COMP_WORDS[i]}} in
        {}) command=${{COMP_WORDS[i]}} ;;
        {}) skip=yes ;;
      esac
    fi
  done
  # "=" is a word of its own, unless COMP_WORDBREAKS lacks it.
  if [[ $cur == '=' ]]; then
    option=${{COMP_WORDS[COMP_CWORD - 1]}} cur='' assigned=yes
  elif [[ ${{COMP_WORDS[COMP_CWORD - 1]}} == '=' ]]; then
    option=${{COMP_WORDS[COMP_CWORD - 2]}} assigned=yes
  elif [[ $cur == --*=* ]]; then
    option=${{cur%%=*}} prefix=${{cur%%=*}}= cur=${{cur#*=}} assigned=yes
  else
    option=${{COMP_WORDS[COMP_CWORD - 1]}}
  fi
)";

std::string bash_action(const Candidates& candidates) {
  std::string text;
  if (!candidates.words.empty()) {
    text = fmt::format("{} {}; ", candidates.list ? "_mnist_list" : "_mnist_words", fmt::join(candidates.words, " "));
  }
  if (candidates.files || candidates.folders) text += fmt::format("_mnist_paths {}; ", candidates.files ? "-f" : "-d");
  return text;
}

// One branch of the case statement over the command and the option.
std::string bash_branch(const std::string& command, const CLI::Option& option) {
  if (is_flag(option) || is_positional(option)) return "";
  std::vector<std::string> patterns;
  for (const std::string& name : names_of(option)) patterns.push_back(fmt::format("'{} {}'", command, name));
  const std::string action = bash_action(candidates_of(option)) + "return";
  const std::string head = fmt::format("    {}) ", fmt::join(patterns, " | "));
  // Without a value, an option can follow.
  if (option.get_expected_min() == 0) {
    return fmt::format("{}[[ -z $assigned && $cur == -* ]] || {{ {}; }} ;;\n", head, action);
  }
  return fmt::format("{}{} ;;\n", head, action);
}

// Completes the values of options.
std::string bash_values(const CLI::App& root) {
  std::string out = "  [[ -n $separator ]] || case \"$command $option\" in\n";
  for (const CLI::Option* option : all_options(root)) out += bash_branch("", *option);
  for (const CLI::App* command : commands_of(root)) {
    for (const CLI::Option* option : all_options(*command)) out += bash_branch(command->get_name(), *option);
  }
  return out + "  esac\n  [[ -n $assigned ]] && return\n";
}

// One branch of the case statement over the command: its options, else its arguments.
std::string bash_command(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : all_options(app)) {
    for (const std::string& name : names_of(*option)) names.push_back(name);
  }
  std::string arguments;
  if (app.get_parent() == nullptr) {
    arguments = fmt::format("_mnist_words {}", fmt::join(command_names(app), " "));
  } else {
    for (const CLI::Option* option : own_options(app)) {
      if (is_positional(*option)) arguments += bash_action(candidates_of(*option));
    }
    if (arguments.ends_with("; ")) arguments.resize(arguments.size() - 2);
  }
  const std::string name = app.get_parent() == nullptr ? "''" : app.get_name();
  const std::string options = fmt::format("_mnist_words {}", fmt::join(names, " "));
  if (arguments.empty()) return fmt::format("    {})\n      [[ -n $separator ]] || {}\n      ;;\n", name, options);
  return fmt::format(
      "    {})\n      if [[ $cur == -* && -z $separator ]]; then\n        {}\n      else\n        {}\n"
      "      fi\n      ;;\n",
      name, options, arguments);
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
  std::string out = kBashHead;
  out +=
      fmt::format(kBashBegin, fmt::join(command_names(root), " | "), fmt::join(general_names_with_value(root), " | "));
  out += bash_values(root) + "  case $command in\n" + bash_command(root);
  for (const CLI::App* command : commands_of(root)) out += bash_command(*command);
  return out + "  esac\n}\n\ncomplete -F _mnist mnist\n";
}

}  // namespace mnist::cli
