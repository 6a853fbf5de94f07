// mnist help [COMMAND]: the same as --help.
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/core/text.hpp"

#include "command.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

int run_help(const CLI::App& root, const std::string& name) {
  if (name.empty()) {
    // `root.help()` would be that of this command.
    print(root.get_formatter()->make_help(&root, root.get_name(), CLI::AppFormatMode::Normal));
    return 0;
  }
  std::vector<std::string> names;
  for (const CLI::App* command : root.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == name) {
      print(command->help());
      return 0;
    }
    names.push_back(command->get_name());
  }
  throw usage_error(fmt::format("there is no command {}", quoted_name(name)), suggestion(name, names));
}

}  // namespace

Command add_help(CLI::App& root) {
  CLI::App* app = root.add_subcommand("help", "This help; with a command: that command's");
  const auto name = std::make_shared<std::string>();
  app->add_option("COMMAND", *name, "command to describe")->type_name("COMMAND");
  return {app, [&root, name](const Context& /*context*/) { return run_help(root, *name); }};
}

}  // namespace mnist::cli
