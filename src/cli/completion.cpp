// mnist completion SHELL: the script that completes command lines in that shell.
#include "completion.hpp"

#include <memory>

#include "command.hpp"
#include "describe.hpp"
#include "options.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

constexpr const char* kPlaces =
    "Load the script from the shell's start file, or write it where the shell looks for completions:\n"
    "  bash, in ~/.bashrc:\n"
    "    source <(mnist completion bash)\n"
    "  with bash-completion:\n"
    "    mnist completion bash > ~/.local/share/bash-completion/completions/mnist\n"
    "  zsh, in ~/.zshrc:\n"
    "    autoload -Uz compinit && compinit; source <(mnist completion zsh)\n"
    "  in a folder of zsh's fpath:\n"
    "    mnist completion zsh > FOLDER/_mnist\n"
    "  fish:\n"
    "    mnist completion fish > ~/.config/fish/completions/mnist.fish\n"
    "The installation (cmake --install) puts all three in their places.\n";

std::string completion_of(const CLI::App& root, const std::string& shell) {
  if (shell == "bash") return bash_completion(root);
  return shell == "zsh" ? zsh_completion(root) : fish_completion(root);
}

}  // namespace

std::vector<std::string> general_names_with_value(const CLI::App& root) {
  std::vector<std::string> names;
  for (const CLI::Option* option : own_options(root)) {
    if (is_flag(*option)) continue;
    for (const std::string& name : names_of(*option)) names.push_back(name);
  }
  return names;
}

Command add_completion(CLI::App& root) {
  CLI::App* app = root.add_subcommand("completion", "Print the script that completes command lines in a shell");
  const auto shell = std::make_shared<std::string>();
  one_of(app->add_option("SHELL", *shell, "bash, zsh or fish"), {"bash", "zsh", "fish"})->required();
  app->footer(kPlaces);
  return {app, [&root, shell](const Context& /*context*/) {
            print(completion_of(root, *shell));
            return 0;
          }};
}

}  // namespace mnist::cli
