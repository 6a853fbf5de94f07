#include "config.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/suggest.hpp"

#include "help.hpp"
#include "options.hpp"
#include "toml.hpp"

namespace mnist::cli {
namespace {

bool is_key(const CLI::Option& option) {
  return option.get_configurable() && !option.get_lnames().empty();
}

CLI::App& section_app(CLI::App& root, const TomlEntry& entry, const std::string& place) {
  if (entry.section.empty()) return root;
  std::vector<std::string> names;
  for (CLI::App* command : root.get_subcommands([](CLI::App*) { return true; })) {
    if (command->get_name() == entry.section) return *command;
    names.push_back(command->get_name());
  }
  throw usage_error(fmt::format("{}: there is no section [{}]", place, entry.section),
                    suggestion(entry.section, names));
}

std::vector<std::string> keys_of(const CLI::App& app) {
  std::vector<std::string> keys;
  for (const CLI::Option* option : own_options(app)) {
    if (is_key(*option)) keys.insert(keys.end(), option->get_lnames().begin(), option->get_lnames().end());
  }
  return keys;
}

CLI::Option& keyed_option(CLI::App& root, CLI::App& app, const TomlEntry& entry, const std::string& place) {
  const std::vector<std::string> keys = keys_of(app);
  if (std::ranges::count(keys, entry.key) > 0) return *app.get_option("--" + entry.key);
  std::string hint = fmt::format("see: {} --help", command_name(app));
  if (const std::string best = nearest(entry.key, keys); !best.empty()) hint = fmt::format("did you mean '{}'?", best);
  if (std::ranges::count(keys_of(root), entry.key) > 0) hint = "write it above the first [section]";
  for (const CLI::App* command : root.get_subcommands([](const CLI::App*) { return true; })) {
    if (&app == &root && std::ranges::count(keys_of(*command), entry.key) > 0) {
      hint = fmt::format("write it below a line [{}]", command->get_name());
      break;
    }
  }
  for (const CLI::Option* option : own_options(app)) {
    if (!option->get_configurable() && option->check_lname(entry.key)) {
      throw usage_error(fmt::format("{}: '{}' stands on the command line only", place, entry.key),
                        fmt::format("take it out, and write --{} behind {}", entry.key, command_name(app)));
    }
  }
  throw usage_error(fmt::format("{}: {} has no option '{}'", place, command_name(app), entry.key), hint);
}

void check_values(CLI::Option& option, const TomlEntry& entry) {
  const std::string name = display_name(&option);
  if (is_flag(option)) {
    if (entry.values.size() != 1 || (entry.values[0] != "true" && entry.values[0] != "false")) {
      throw usage_error(fmt::format("{} must be true or false", name), fmt::format("write {} = true", entry.key));
    }
    return;
  }
  if (entry.values.size() > static_cast<std::size_t>(option.get_items_expected_max())) {
    throw usage_error(fmt::format("{} takes one value, not {}", name, entry.values.size()), "leave the right one");
  }
  const CLI::Validator* validator = nullptr;
  try {
    validator = option.get_validator(0);
  } catch (const CLI::OptionNotFound&) {
    return;  // takes any text
  }
  for (std::string value : entry.values) (*validator)(value);
}

}  // namespace

std::vector<CLI::ConfigItem> ConfigFile::from_config(std::istream& input) const {
  const std::string text{std::istreambuf_iterator<char>(input), {}};
  const std::string source = root_.get_config_ptr()->results().back();
  std::vector<CLI::ConfigItem> result;
  for (const TomlEntry& entry : parse_toml(text, source)) {
    const std::string place = fmt::format("{}:{}", source, entry.line);
    CLI::App& app = section_app(root_, entry, place);
    if (entry.key.empty()) continue;
    CLI::Option& option = keyed_option(root_, app, entry, place);
    try {
      check_values(option, entry);
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("{}: {}", place, error.what()), error.hint());
    }
    if (entry.values.empty()) continue;
    CLI::ConfigItem item;
    if (!entry.section.empty()) item.parents = {entry.section};
    item.name = entry.key;
    item.inputs = entry.values;
    result.push_back(std::move(item));
  }
  return result;
}

std::string resolved_config(const CLI::App& command, const std::map<std::string, std::string>& resolved) {
  std::string out = fmt::format("[{}]\n", command.get_name());
  for (const CLI::Option* option : own_options(command)) {
    if (!is_key(*option)) continue;
    std::vector<std::string> values = option->reduced_results();
    if (values.empty() && is_flag(*option)) values = {"false"};
    if (values.empty() && !option->get_default_str().empty()) values = {option->get_default_str()};
    if (const auto found = resolved.find(option->get_single_name()); found != resolved.end()) values = {found->second};
    if (!values.empty()) out += fmt::format("{} = {}\n", option->get_single_name(), toml_value(values));
  }
  return out;
}

}  // namespace mnist::cli
