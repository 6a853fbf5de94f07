#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "completion.hpp"
#include "describe.hpp"
#include "options.hpp"

namespace mnist::cli {
namespace {

constexpr const char* kZshHead = R"zsh(#compdef mnist
# Completions of zsh for mnist, written by: mnist completion zsh

# Offers files, and the words.
_mnist_files_or() {
  _alternative "words:word:($*)" 'files:file:_files'
}

#Offers folders, and the words.
_mnist_folders_or() {
  _alternative "words:word:($*)" 'folders:folder:_files -/'
}

)zsh";

constexpr const char* kZshEnd = R"(
# As a file of $fpath, this is the body of the function; otherwise it is sourced.
if [[ ${funcstack[1]-} == _mnist ]]; then
  _mnist "$@"
else
  compdef _mnist mnist
fi
)";

// For zsh's parser, also with the option RC_QUOTES.
std::string single_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// With a backslash before each of `special` and each backslash.
std::string zsh_escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// The part of a specification of _arguments that names and completes a value: "FILE:_files".
std::string zsh_value(const CLI::Option& option) {
  const Candidates candidates = candidates_of(option);
  const bool any_path = candidates.files || candidates.folders;
  const std::string words = fmt::format("{}", fmt::join(candidates.words, " "));
  std::string message = is_positional(option) ? option.get_single_name() : option.get_type_name();
  std::string action = " ";  // a message only
  if (any_path && words.empty()) {
    action = candidates.files ? "_files" : "_files -/";
  } else if (any_path) {
    // The space keeps _arguments from inserting its own options.
    action = fmt::format(" {} {}", candidates.files ? "_mnist_files_or" : "_mnist_folders_or", words);
  } else if (!words.empty()) {
    message = "value";
    action = candidates.list ? fmt::format(" _values -s , value {}", words) : fmt::format("({})", words);
  }
  return zsh_escaped(message, ":") + ":" + action;
}

// The lines of an array of specifications of _arguments.
std::string zsh_option(const CLI::Option& option) {
  const std::vector<std::string> names = names_of(option);
  const bool repeats = option.get_items_expected_max() > 1;
  const char* const sign = is_flag(option) ? "" : "=";
  std::string value;
  if (!is_flag(option)) value = (option.get_expected_min() == 0 ? "::" : ":") + zsh_value(option);
  std::string out;
  for (const std::string& name : names) {
    const std::string head = repeats ? "*" : names.size() > 1 ? fmt::format("({})", fmt::join(names, " ")) : "";
    const std::string description = zsh_escaped(option_details(option), "[]:");
    out += "    " + single_quoted(fmt::format("{}{}{}[{}]{}", head, name, sign, description, value)) + "\n";
  }
  return out;
}

std::string zsh_argument(const CLI::Option& option) {
  const bool repeats = option.get_items_expected_max() > 1;
  const char* const head = repeats ? "*:" : option.get_required() ? ":" : "::";
  return "    " + single_quoted(head + zsh_value(option)) + "\n";
}

// The specifications of the command's own options and arguments.
std::string zsh_specifications(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* option : all_options(app)) out += zsh_option(*option);
  if (app.get_parent() == nullptr) return out;
  for (const CLI::Option* option : own_options(app)) {
    if (is_positional(*option)) out += zsh_argument(*option);
  }
  return out;
}

}  // namespace

std::string zsh_completion(const CLI::App& root) {
  std::string out = std::string(kZshHead) + "_mnist_commands() {\n  local -a commands=(\n";
  for (const CLI::App* command : commands_of(root)) {
    const std::string description = zsh_escaped(command->get_description(), ":");
    out += "    " + single_quoted(fmt::format("{}:{}", command->get_name(), description)) + "\n";
  }
  out += "  )\n  _describe -t commands command commands\n}\n\n";
  for (const CLI::App* command : commands_of(root)) {
    out += fmt::format("_mnist_{}() {{\n  local -a specifications=(\n{}  )\n  _arguments -S : $specifications\n}}\n\n",
                       command->get_name(), zsh_specifications(*command));
  }
  out += fmt::format(
      "_mnist() {{\n  local curcontext=$curcontext state line\n  typeset -A opt_args\n"
      "  local -a specifications=(\n{}    '(-): :_mnist_commands'\n    '*:: :->arguments'\n  )\n",
      zsh_specifications(root));
  out += "  _arguments -C -S : $specifications && return\n";
  out += "  [[ $state == arguments ]] && (($+functions[_mnist_$words[1]])) && _mnist_$words[1]\n}\n";
  return out + kZshEnd;
}

}  // namespace mnist::cli
