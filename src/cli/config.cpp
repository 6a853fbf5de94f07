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

bool is_flag(const CLI::Option& option) {
  return option.get_items_expected_max() == 0;
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

CLI::Option& keyed_option(CLI::App& app, const TomlEntry& entry, const std::string& place) {
  std::vector<std::string> names;
  for (const CLI::Option* option : own_options(app)) {
    if (!is_key(*option)) continue;
    if (std::ranges::count(option->get_lnames(), entry.key) > 0) return *app.get_option("--" + entry.key);
    names.push_back(option->get_single_name());
  }
  throw usage_error(fmt::format("{}: {} has no option '{}'", place, command_name(app), entry.key),
                    suggestion(entry.key, names));
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
    CLI::Option& option = keyed_option(app, entry, place);
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

std::string ConfigFile::to_config(const CLI::App* app, bool /*default_also*/, bool /*write_description*/,
                                  std::string /*prefix*/) const {
  std::string out = fmt::format("[{}]\n", app->get_name());
  for (const CLI::Option* option : own_options(*app)) {
    if (!is_key(*option)) continue;
    std::vector<std::string> values = option->reduced_results();
    if (values.empty() && is_flag(*option)) values = {"false"};
    if (values.empty() && !option->get_default_str().empty()) values = {option->get_default_str()};
    if (!values.empty()) out += fmt::format("{} = {}\n", option->get_single_name(), toml_value(values));
  }
  return out;
}

}  // namespace mnist::cli
