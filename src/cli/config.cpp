#include "config.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <istream>
#include <memory>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/core/text.hpp"

#include "describe.hpp"
#include "options.hpp"
#include "toml.hpp"

namespace mnist::cli {
namespace {

std::string read_config(const std::string& path) {
  constexpr std::uintmax_t kMostBytes = 1 << 20;
  std::error_code ignored;
  // `read_file` rejects empty files, but a config file may be empty.
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_regular_file(status) && std::filesystem::is_empty(path, ignored)) return "";
  // It is read twice, and CLI11 opens it by name, too.
  if (is_stdin(path) || std::filesystem::is_fifo(status) || std::filesystem::is_socket(status)) {
    throw usage_error(fmt::format("config file {} is not a regular file", quoted(std::filesystem::path(path))),
                      "copy it into a file first");
  }
  try {
    return read_file(path, "config file", kMostBytes);
  } catch (const Error& error) {
    throw usage_error(error.what(), error.hint());
  }
}

bool is_key(const CLI::Option& option) {
  return option.get_configurable() && !option.get_lnames().empty();
}

std::vector<std::string> keys_of(const CLI::App& app) {
  std::vector<std::string> keys;
  for (const CLI::Option* option : own_options(app)) {
    if (is_key(*option)) keys.insert(keys.end(), option->get_lnames().begin(), option->get_lnames().end());
  }
  return keys;
}

CLI::App& section_app(CLI::App& root, const TomlEntry& entry, const std::string& place) {
  if (entry.section.empty()) return root;
  std::vector<std::string> names;
  for (CLI::App* command : root.get_subcommands([](CLI::App*) { return true; })) {
    if (keys_of(*command).empty()) continue;
    if (command->get_name() == entry.section) return *command;
    names.push_back(command->get_name());
  }
  throw usage_error(fmt::format("{}: there is no section [{}]", place, printable(entry.section)),
                    suggestion(entry.section, names));
}

CLI::Option& keyed_option(CLI::App& root, CLI::App& app, const TomlEntry& entry, const std::string& place) {
  const std::vector<std::string> keys = keys_of(app);
  if (std::ranges::count(keys, entry.key) > 0) return *app.get_option("--" + entry.key);
  std::string hint = fmt::format("see: {} --help", command_name(app));
  if (std::string best = did_you_mean(entry.key, keys); !best.empty()) hint = std::move(best);
  if (std::ranges::count(keys_of(root), entry.key) > 0) hint = "write it above the first [section]";
  for (const CLI::App* command : root.get_subcommands([](const CLI::App*) { return true; })) {
    if (&app == &root && std::ranges::count(keys_of(*command), entry.key) > 0) {
      hint = fmt::format("write it below a line [{}]", command->get_name());
      break;
    }
  }
  for (const CLI::Option* option : own_options(app)) {
    if (!option->get_configurable() && option->check_lname(entry.key)) {
      throw usage_error(fmt::format("{}: '{}' is a command line option only", place, entry.key),
                        fmt::format("remove it, and write --{} after {}", entry.key, command_name(app)));
    }
  }
  throw usage_error(fmt::format("{}: {} has no option {}", place, command_name(app), quoted_name(entry.key)), hint);
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
    throw usage_error(fmt::format("{} takes one value, not {}", name, entry.values.size()), "keep one value");
  }
  const CLI::Validator* validator = nullptr;
  try {
    validator = option.get_validator(0);
  } catch (const CLI::OptionNotFound&) {
    return;  // accepts any text
  }
  for (std::string value : entry.values) (*validator)(value);
}

// TOML's booleans are accepted for on and off.
void take_booleans(const CLI::Option& option, TomlEntry& entry) {
  if (option.get_type_name() != "on|off" || entry.values.size() != 1) return;
  std::string& value = entry.values.front();
  if (value == "true" || value == "false") value = value == "true" ? "on" : "off";
}

// Reads the file for CLI11, in place of its own reader.
class ConfigFile : public CLI::ConfigBase {
 public:
  explicit ConfigFile(CLI::App& root) : root_(root) {}

  // CLI11 has already opened the file; only its name is used.
  std::vector<CLI::ConfigItem> from_config(std::istream& /*input*/) const override {
    const std::string source = root_.get_config_ptr()->results().back();
    std::vector<CLI::ConfigItem> result;
    for (TomlEntry& entry : parse_toml(read_config(source), source)) {
      const std::string place = fmt::format("{}:{}", printable(source), entry.line);
      CLI::App& app = section_app(root_, entry, place);
      if (entry.key.empty()) continue;
      CLI::Option& option = keyed_option(root_, app, entry, place);
      take_booleans(option, entry);
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

 private:
  CLI::App& root_;
};

std::string toml_value(const CLI::Option& option, const std::string& text) {
  if (is_flag(option) || is_integer(option)) return text;
  // In a normal form: parsing a number loses its original form.
  return is_real(option) ? fmt::format("{}", std::strtod(text.c_str(), nullptr)) : toml_string(text);
}

constexpr std::string_view kNotUtf8 = " is not UTF-8 and cannot stand here: give it on the command line";

std::string config_line(const CLI::Option& option, const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) {
    if (!is_utf8(value)) {
      return fmt::format("# {}{}\n", option.get_single_name(), kNotUtf8);
    }
    if (!text.empty()) text += ", ";
    text += toml_value(option, value);
  }
  return fmt::format("{} = {}\n", option.get_single_name(), values.size() == 1 ? text : "[" + text + "]");
}

}  // namespace

CLI::Option* add_config(CLI::App& root) {
  root.config_formatter(std::make_shared<ConfigFile>(root));
  return root
      .set_config("--config", "", "TOML file with options, one section per command; the command line overrides it")
      ->type_name("FILE")
      ->check([](const std::string& path) {
        read_config(path);  // before CLI11 opens it: opening a pipe would block
        return std::string();
      });
}

std::vector<std::string> options_left_out(const std::string& config) {
  std::vector<std::string> names;
  std::istringstream text(config);
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# ") && line.ends_with(kNotUtf8)) {
      names.push_back(line.substr(2, line.size() - 2 - kNotUtf8.size()));
    }
  }
  return names;
}

std::vector<const CLI::Option*> config_options(const CLI::App& command) {
  std::vector<const CLI::Option*> options = own_options(command);
  std::erase_if(options, [](const CLI::Option* option) { return !is_key(*option); });
  return options;
}

std::string resolved_config(const CLI::App& command, const std::map<std::string, std::string>& resolved) {
  std::string out = fmt::format("[{}]\n", command.get_name());
  for (const CLI::Option* option : config_options(command)) {
    std::vector<std::string> values = option_values(*option);
    if (const auto found = resolved.find(option->get_single_name()); found != resolved.end()) values = {found->second};
    if (!values.empty()) out += config_line(*option, values);
  }
  return out;
}

}  // namespace mnist::cli
