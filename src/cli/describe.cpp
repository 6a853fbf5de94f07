#include "describe.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/text.hpp"

#include "options.hpp"

namespace mnist::cli {
namespace {

// CLI11 calls its own group "Options" or "OPTIONS", by version.
bool is_default_group(const std::string& group) {
  return lower_case(group) == "options";
}

bool is_hidden_option(const CLI::Option& option) {
  return option.get_group().empty();
}

void add_to_group(std::vector<OptionSection>& groups, const std::string& title, const CLI::Option* option) {
  auto known = std::ranges::find(groups, title, &OptionSection::title);
  if (known == groups.end()) known = groups.insert(groups.end(), {title, {}});
  known->options.push_back(option);
}

// Whether it is written as it is, not a placeholder such as "N", "SECONDS" or "cuda:N".
bool is_word(const std::string& text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  };
  return !text.empty() && std::ranges::all_of(text, is_plain);
}

}  // namespace

std::string command_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : command_name(*app.get_parent()) + " " + app.get_name();
}

std::vector<const CLI::App*> commands_of(const CLI::App& root) {
  return root.get_subcommands({});
}

std::vector<std::string> command_names(const CLI::App& root) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(root)) names.push_back(command->get_name());
  return names;
}

std::vector<const CLI::Option*> own_options(const CLI::App& app) {
  std::vector<const CLI::Option*> options = app.get_options({});
  if (app.get_parent() != nullptr) {
    // Newer versions of CLI11 list the parent's too.
    const std::vector<const CLI::Option*> above = static_cast<const CLI::App*>(app.get_parent())->get_options({});
    std::erase_if(options, [&](const CLI::Option* option) { return std::ranges::count(above, option) > 0; });
  }
  return options;
}

bool is_positional(const CLI::Option& option) {
  return option.get_lnames().empty() && option.get_snames().empty();
}

std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

std::string option_syntax(const CLI::Option& option) {
  const bool repeats = option.get_items_expected_max() > 1;
  if (is_positional(option)) return option.get_single_name() + (repeats ? "..." : "");
  std::string names = fmt::format("{}", fmt::join(names_of(option), ", "));
  if (is_flag(option)) return names;
  const bool list = option.get_delimiter() != '\0';
  const std::string value = option.get_type_name() + (list ? "[,...]" : repeats ? "..." : "");
  return option.get_expected_min() == 0 ? fmt::format("{} [{}]", names, value) : fmt::format("{} {}", names, value);
}

std::string option_details(const CLI::Option& option) {
  std::string text = option.get_description();
  if (option.get_required()) text = with_note(text, "required");
  if (!is_flag(option) && !option.get_default_str().empty()) {
    text = with_note(text, "default: " + option.get_default_str());
  }
  if (!option.get_envname().empty()) text = with_note(text, "environment: " + option.get_envname());
  return text;
}

std::string usage_text(const CLI::App& app) {
  std::string text = command_name(app) + " [options]";
  if (app.get_parent() == nullptr) return text + " COMMAND [options of the command]";
  for (const CLI::Option* option : own_options(app)) {
    if (is_hidden_option(*option) || !is_positional(*option)) continue;
    const std::string syntax = option_syntax(*option);
    text += option->get_required() ? " " + syntax : fmt::format(" [{}]", syntax);
  }
  return text;
}

std::string own_footer(const CLI::App& app) {
  const CLI::App* root = app.get_parent();
  // A command without a footer inherits the program's.
  return root != nullptr && app.get_footer() == root->get_footer() ? "" : app.get_footer();
}

std::vector<OptionSection> option_sections(const CLI::App& app) {
  OptionSection arguments = {"Arguments", {}};
  OptionSection ungrouped = {"Options", {}};
  std::vector<OptionSection> groups;
  if (app.get_parent() == nullptr) return {};
  for (const CLI::Option* option : own_options(app)) {
    if (is_hidden_option(*option) || option == app.get_help_ptr()) continue;
    if (is_positional(*option)) {
      arguments.options.push_back(option);
    } else if (is_default_group(option->get_group())) {
      ungrouped.options.push_back(option);
    } else {
      add_to_group(groups, option->get_group(), option);
    }
  }
  groups.insert(groups.begin(), std::move(arguments));
  groups.push_back(std::move(ungrouped));
  std::erase_if(groups, [](const OptionSection& section) { return section.options.empty(); });
  return groups;
}

OptionSection general_options(const CLI::App& app) {
  OptionSection section = {"General options", {}};
  const CLI::App* root = app.get_parent();
  for (const CLI::Option* option : own_options(app)) {
    if (!is_hidden_option(*option) && (root == nullptr || option == app.get_help_ptr()))
      section.options.push_back(option);
  }
  if (root == nullptr) return section;
  // The program's options may also follow the command, except those that only print something.
  for (const CLI::Option* option : own_options(*root)) {
    if (!is_hidden_option(*option) && !is_flag(*option)) section.options.push_back(option);
  }
  return section;
}

std::vector<const CLI::Option*> all_options(const CLI::App& app) {
  std::vector<OptionSection> sections = option_sections(app);
  sections.push_back(general_options(app));
  std::vector<const CLI::Option*> options;
  for (const OptionSection& section : sections) {
    std::ranges::copy_if(section.options, std::back_inserter(options),
                         [](const CLI::Option* option) { return !is_positional(*option); });
  }
  return options;
}

Candidates candidates_of(const CLI::Option& option) {
  Candidates candidates;
  candidates.list = option.get_delimiter() != '\0';
  candidates.optional = option.get_expected_min() == 0;
  if (option.get_type_name().find('{') != std::string::npos) return candidates;  // a number with its unit
  std::istringstream parts(option.get_type_name());
  for (std::string part; std::getline(parts, part, '|');) {
    candidates.files |= part == "FILE" || part == "PATH";
    candidates.folders |= part == "DIR" || part == "PATH";
    if (is_word(part)) candidates.words.push_back(part);
  }
  return candidates;
}

}  // namespace mnist::cli
