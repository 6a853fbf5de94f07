// mnist help [COMMAND]: the same as --help.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/suggest.hpp"
#include "mnist/core/text.hpp"

#include "command.hpp"
#include "describe.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

int run_help(const CLI::App& root, const std::string& name) {
  if (name.empty()) {
    // `root.help()` would be that of this command.
    print(root.get_formatter()->make_help(&root, root.get_name(), CLI::AppFormatMode::Normal));
    return 0;
  }
  const std::vector<const CLI::App*> commands = commands_of(root);
  const auto command = std::ranges::find(commands, name, [](const CLI::App* app) { return app->get_name(); });
  if (command == commands.end()) {
    throw usage_error(fmt::format("there is no command {}", quoted_name(name)), suggestion(name, command_names(root)));
  }
  print((*command)->help());
  return 0;
}

}  // namespace

Command add_help(CLI::App& root) {
  CLI::App* app = root.add_subcommand("help", "This help; with a command: that command's");
  const auto name = std::make_shared<std::string>();
  app->add_option("COMMAND", *name, "command to describe")
      ->type_name(fmt::format("{}", fmt::join(command_names(root), "|")));
  return {app, [&root, name](const Context& /*context*/) { return run_help(root, *name); }};
}

}  // namespace mnist::cli
