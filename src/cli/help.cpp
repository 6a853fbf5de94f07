#include "help.hpp"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/terminal.hpp"
#include "mnist/core/text.hpp"

#include "options.hpp"

namespace mnist::cli {
namespace {

constexpr int kIndent = 2;
constexpr int kDescriptionColumn = 34;

// At most the width of the terminal.
std::size_t help_width() {
  constexpr int kNarrowest = 60;
  return static_cast<std::size_t>(
      is_terminal(Stream::out) ? std::clamp(terminal_width(Stream::out), kNarrowest, kHelpWidth) : kHelpWidth);
}

// Two columns; the right one is wrapped. If the left text is too long, the right one starts on the next line.
void add_row(std::string& out, const std::string& left, const std::string& right) {
  const std::size_t width = help_width();
  std::string line = std::string(kIndent, ' ') + left;
  if (line.size() + 2 > kDescriptionColumn) {
    out += line + "\n";
    line.clear();
  }
  bool empty = true;
  line.resize(kDescriptionColumn, ' ');
  std::istringstream words(right);
  for (std::string word; words >> word;) {
    if (!empty && line.size() + 1 + word.size() > width) {
      out += line + "\n";
      line.assign(kDescriptionColumn, ' ');
      empty = true;
    }
    if (!empty) line += ' ';
    line += word;
    empty = false;
  }
  out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

bool is_positional(const CLI::Option& option) {
  return option.get_lnames().empty() && option.get_snames().empty();
}

// "-h, --help", "--epochs N", "--save-model [FILE]", "PATH..."
std::string syntax(const CLI::Option& option) {
  const bool repeats = option.get_items_expected_max() > 1;
  if (is_positional(option)) return option.get_single_name() + (repeats ? "..." : "");
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  if (is_flag(option)) return text;
  const std::string value = option.get_type_name() + (repeats ? "..." : "");
  return option.get_expected_min() == 0 ? fmt::format("{} [{}]", text, value) : fmt::format("{} {}", text, value);
}

std::string details(const CLI::Option& option) {
  std::string text = option.get_description();
  if (option.get_required()) text = with_note(text, "required");
  if (!is_flag(option) && !option.get_default_str().empty()) {
    text = with_note(text, "default: " + option.get_default_str());
  }
  if (!option.get_envname().empty()) text = with_note(text, "environment: " + option.get_envname());
  return text;
}

void add_section(std::string& out, const std::string& title, const std::vector<const CLI::Option*>& options) {
  if (options.empty()) return;
  out += fmt::format("\n{}:\n", title);
  for (const CLI::Option* option : options) add_row(out, syntax(*option), details(*option));
}

// CLI11 calls its own group "Options" or "OPTIONS", by version.
bool is_default_group(const std::string& group) {
  return lower_case(group) == "options";
}

std::string usage(const CLI::App& app, const std::vector<const CLI::Option*>& positionals) {
  std::string text = "Usage: " + command_name(app);
  if (app.get_parent() == nullptr) return text + " [options] COMMAND [options of the command]\n";
  text += " [options]";
  for (const CLI::Option* option : positionals) {
    text += option->get_required() ? " " + syntax(*option) : fmt::format(" [{}]", syntax(*option));
  }
  return text + "\n";
}

}  // namespace

std::string command_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : command_name(*app.get_parent()) + " " + app.get_name();
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

std::string HelpFormatter::make_help(const CLI::App* app, std::string /*name*/, CLI::AppFormatMode /*mode*/) const {
  std::vector<const CLI::Option*> positionals;
  std::vector<const CLI::Option*> ungrouped;
  std::vector<const CLI::Option*> general;
  std::vector<std::pair<std::string, std::vector<const CLI::Option*>>> groups;
  for (const CLI::Option* option : own_options(*app)) {
    const std::string group = option->get_group();
    if (group.empty()) continue;  // hidden
    if (is_positional(*option)) {
      positionals.push_back(option);
    } else if (option == app->get_help_ptr() || app->get_parent() == nullptr) {
      general.push_back(option);
    } else if (is_default_group(group)) {
      ungrouped.push_back(option);
    } else {
      auto known = std::ranges::find(groups, group, [](const auto& entry) { return entry.first; });
      if (known == groups.end()) known = groups.insert(groups.end(), {group, {}});
      known->second.push_back(option);
    }
  }
  std::string out = app->get_description() + "\n\n" + usage(*app, positionals);
  const std::vector<const CLI::App*> commands = app->get_subcommands({});
  if (!commands.empty()) {
    out += "\nCommands:\n";
    for (const CLI::App* command : commands) add_row(out, command->get_name(), command->get_description());
  }
  add_section(out, "Arguments", positionals);
  for (const auto& [group, options] : groups) add_section(out, group, options);
  add_section(out, "Options", ungrouped);
  const CLI::App* root = app->get_parent();
  if (root != nullptr) {
    // The program's options may also follow the command, except those that only print something.
    for (const CLI::Option* option : own_options(*root)) {
      if (!is_flag(*option)) general.push_back(option);
    }
  }
  add_section(out, "General options", general);
  // A command without a footer inherits the program's.
  const bool own_footer = root == nullptr || app->get_footer() != root->get_footer();
  const std::string footer = app->get_footer();
  if (own_footer && !footer.empty()) out += fmt::format("\n{}{}", footer, footer.ends_with('\n') ? "" : "\n");
  return out;
}

}  // namespace mnist::cli
