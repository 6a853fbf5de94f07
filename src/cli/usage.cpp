#include "usage.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/suggest.hpp"
#include "mnist/core/text.hpp"

#include "describe.hpp"
#include "options.hpp"

namespace mnist::cli {
namespace {

// Names of the commands in other programs.
const std::map<std::string, std::string> kOtherNames = {
    {"predict", "infer"}, {"classify", "infer"},    {"inference", "infer"}, {"test", "evaluate"}, {"eval", "evaluate"},
    {"val", "evaluate"},  {"validate", "evaluate"}, {"fit", "train"},       {"ls", "info"},       {"show", "info"},
    {"inspect", "info"},  {"version", "--version"}, {"benchmark", "bench"}, {"convert", "export"}};

// The selected command, else the program itself.
const CLI::App& chosen(const CLI::App& root) {
  const std::vector<CLI::App*> commands = root.get_subcommands();
  return commands.empty() ? root : *commands.front();
}

std::string see_help(const CLI::App& app) {
  return fmt::format("see: {} --help", command_name(app));
}

// What to write instead of an option that other commands or programs have; empty: nothing.
std::string other_way(const std::string& name, const CLI::App& app) {
  if (name == "quiet" || name == "q" || name == "silent") return "use --log-level warning";
  const std::vector<const CLI::Option*> options = own_options(app);
  const auto argument = std::ranges::find_if(options, [](const CLI::Option* option) { return is_positional(*option); });
  if (name != "model" || argument == options.end()) return "";
  return fmt::format("write the file without --model: {} FILE", command_name(app));
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : own_options(app)) {
    if (option->get_group().empty()) continue;  // hidden
    for (const std::string& name : option->get_lnames()) names.push_back(name);
  }
  return names;
}

// "--arch resnet18" for "resnet18": the option that has this value, if only one has.
std::string option_with_value(const std::string& value, const CLI::App& app) {
  std::vector<std::string> found;
  for (const CLI::Option* option : own_options(app)) {
    const std::string values = "|" + option->get_type_name() + "|";
    if (!value.empty() && values.find("|" + value + "|") != std::string::npos) {
      found.push_back(fmt::format("{} {}", display_name(option), value));
    }
  }
  return found.size() == 1 ? found.front() : "";
}

Error unknown_option(const std::string& word, const CLI::App& root) {
  const std::string option = word.substr(0, word.find('='));
  const std::string name = option.substr(std::min(option.find_first_not_of('-'), option.size()));
  const CLI::App& app = chosen(root);
  const std::string message = fmt::format("{} has no option {}", command_name(app), quoted_name(option));

  std::vector<std::string> names = option_names(app);
  if (std::ranges::count(names, name) > 0) {
    // One dash instead of two, or before its command.
    const std::string hint = option.starts_with("--") ? fmt::format("write it after '{}'", app.get_name())
                                                      : fmt::format("did you mean '--{}'?", name);
    return usage_error(fmt::format("there is no option {} here", quoted_name(option)), hint);
  }
  if (&app != &root) {
    for (const std::string& general : option_names(root)) names.push_back(general);
  }
  if (const std::string whole = option_with_value(name, app); !whole.empty()) {
    return usage_error(message, fmt::format("did you mean '{}'?", whole));
  }
  if (std::error_code ignored; std::filesystem::exists(word, ignored)) {
    return usage_error(message, fmt::format("the file of this name is ./{}", word));
  }
  if (const std::string way = other_way(name, app); !way.empty()) return usage_error(message, way);
  const std::string hint = did_you_mean(name, names, "--");
  return usage_error(message, hint.empty() ? see_help(app) : hint);
}

Error unknown_word(const std::string& word, const CLI::App& root) {
  const CLI::App& app = chosen(root);
  if (&app != &root) {
    return usage_error(fmt::format("{} takes no argument {}", command_name(app), quoted_name(word)), see_help(app));
  }
  std::vector<std::string> names;
  for (const CLI::App* command : root.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  const auto meant = kOtherNames.find(word);
  return usage_error(fmt::format("there is no command {}", quoted_name(word)),
                     meant == kOtherNames.end() ? suggestion(word, names) : fmt::format("use '{}'", meant->second));
}

}  // namespace

Error explain(const CLI::ParseError& error, const CLI::App& root) {
  for (const std::string& word : root.remaining(/*recurse=*/true)) {
    if (word == "--") continue;
    return word.size() > 1 && word.starts_with('-') ? unknown_option(word, root) : unknown_word(word, root);
  }
  const std::string text = error.what();
  const std::string subject = text.substr(0, text.find(':'));
  if (error.get_name() == "ArgumentMismatch") {
    return usage_error(fmt::format("{} needs a value", subject), see_help(chosen(root)));
  }
  return usage_error(printable(first_line(text)), see_help(chosen(root)));
}

}  // namespace mnist::cli
