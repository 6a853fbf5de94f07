#include "app.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/logging.hpp"
#include "mnist/core/terminal.hpp"
#include "mnist/core/text.hpp"
#include "mnist/core/version.hpp"
#include "mnist/device/runtime.hpp"

#include "colors.hpp"
#include "command.hpp"
#include "config.hpp"
#include "describe.hpp"
#include "exit_codes.hpp"
#include "help.hpp"
#include "options.hpp"
#include "out_of_memory.hpp"
#include "print.hpp"
#include "usage.hpp"

namespace mnist::cli {
namespace {

constexpr const char* kDescription = "Trains small image classifiers, evaluates them, and classifies images with them.";
constexpr const char* kFooter =
    "mnist COMMAND --help shows a command's options. An option's value comes from the command line,\n"
    "else from the --config file, else from the environment, else it is the default.\n\n";

struct GeneralOptions {
  LogOptions log;
  std::string color = "auto";
};

std::string version_line() {
  const BuildInfo build = build_info();
  return fmt::format("mnist {} (git {}, LibTorch {})", build.version, build.git_revision, libtorch_version());
}

// The program's own options, and the parser settings for all commands.
void set_up(CLI::App& root, GeneralOptions& options) {
  root.name("mnist");
  root.footer(kFooter + exit_code_text());
  root.formatter(std::make_shared<HelpFormatter>());
  root.allow_windows_style_options(false);
  root.require_subcommand(0, 1);  // without a command, the usage is printed
  // The user can override an option that a script gives first.
  root.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  // Inherited by the commands: root options may follow them.
  root.fallthrough();
  root.set_help_flag("-h,--help", "print this help and exit");
  root.set_version_flag("-V,--version", version_line, "print the version and exit");

  add_config(root);
  one_of(root.add_option("--log-level", options.log.level,
                         "minimum level of messages on stderr; the error that ends a command is always printed"),
         log_levels());
  not_empty(root.add_option("--log-file", options.log.file, "also write the log to this file, with times"))
      ->type_name("FILE")
      ->check([](const std::string& text) -> std::string {
        if (text != "-") return "";
        throw usage_error("--log-file cannot be '-'",
                          "omit it: the log goes to stderr already; a file of that name is ./-");
      });
  one_of(root.add_option("--color", options.color, "colours; auto: on a terminal if NO_COLOR is not set"),
         {"auto", "always", "never"});
}

std::string command_line(int argc, const char* const* argv) {
  std::string line = "mnist";
  for (int i = 1; i < argc; ++i) line += " " + quoted_for_shell(argv[i]);
  return line;
}

// Hint for `command` if a GPU or the machine has too little memory.
std::string memory_hint(std::string_view command, bool gpu) {
  if (gpu) return "use a smaller --batch-size, or --device cpu; nvidia-smi shows what else is in the GPU's memory";
  if (command == "train") {
    return "use a smaller --batch-size or --test-batch-size; with photos a smaller --cache-mb or fewer --threads";
  }
  if (command == "evaluate") return "use a smaller --batch-size; with photos a smaller --cache-mb or fewer --threads";
  if (command == "infer") return "use a smaller --batch-size or fewer --threads: each of them decodes an image";
  return "stop other programs, or use a machine with more memory";
}

// Converts an exception of `command` to an `Error`. LibTorch's exceptions have a stack trace after the first line.
Error as_error(const std::exception& exception, std::string_view command) {
  if (const auto* error = dynamic_cast<const Error*>(&exception)) return *error;
  if (const auto* error = dynamic_cast<const std::filesystem::filesystem_error*>(&exception)) {
    return data_error(fmt::format("cannot use {}: {}", quoted(error->path1()), error->code().message()),
                      "check the path and its permissions");
  }
  const std::string message = first_line(exception.what());
  if (is_out_of_memory(exception)) {
    return {ErrorKind::internal, "not enough memory" + (message == "std::bad_alloc" ? "" : ": " + message),
            memory_hint(command, message.find("CUDA") != std::string::npos)};
  }
  return {ErrorKind::internal, "internal error: " + message,
          "this is a defect of mnist; please report it with the output of: mnist info"};
}

// Adds the name of the environment variable that the value comes from.
Error with_variable(const Error& error, const CLI::App& command) {
  const std::string message = error.what();
  for (const CLI::Option* option : own_options(command)) {
    const std::string variable = option->get_envname();
    if (variable.empty() || option->results().size() != 1 || message.find(variable) != std::string::npos) continue;
    const std::string& value = option->results().front();
    if (!is_from_environment(*option, value) || message.find("'" + value) == std::string::npos) continue;
    return {error.kind(), fmt::format("{} (from {})", message, variable), error.hint()};
  }
  return error;
}

class Program {
 public:
  Program(int argc, const char* const* argv) : argc_(argc), argv_(argv), root_(kDescription) {
    set_up(root_, options_);
    for (const auto& add : {add_train, add_infer, add_evaluate, add_info, add_runs, add_compare, add_report, add_export,
                            add_serve, add_bench, add_completion, add_man, add_help})
      commands_.push_back(add(root_));
  }

  int run() try {
    if (!parse()) return 0;
    const auto command = given_command();
    if (command == commands_.end()) {
      std::string names;
      for (const Command& entry : commands_) names += " " + entry.app->get_name();
      write_to_stderr(fmt::format(
          "Usage: mnist [options] COMMAND [options of the command]\n\nCommands:{}\nhint: see: mnist --help\n", names));
      return static_cast<int>(ErrorKind::usage);
    }
    color_err_ = options_.log.color = use_color(options_.color, Stream::err);
    // The reader of a pipe may write to the same terminal at any time (| tee FILE).
    const bool draws = is_interactive(Stream::err) && !is_pipe(Stream::out);
    options_.log.status = std::make_shared<StatusLine>(draws ? stderr : nullptr);
    log_ = make_logger(options_.log);
    return command->run({.log = *log_,
                         .status = options_.log.status,
                         .color_err = color_err_,
                         .program = quoted_for_shell(argv_[0]),
                         .command_line = command_line(argc_, argv_),
                         .arguments = {argv_, argv_ + argc_}});
  } catch (const std::exception& exception) {
    const auto command = given_command();
    if (command == commands_.end()) return failed(as_error(exception, ""));
    return failed(with_variable(as_error(exception, command->app->get_name()), *command->app));
  }

  // Report buffered output that cannot be written.
  int finish(int code) {
    if (code != 0 || !has_lost_output()) return code;
    return failed(data_error("cannot write to stdout", "check that stdout is open and the disk has space"));
  }

 private:
  std::vector<Command>::const_iterator given_command() const {
    return std::ranges::find_if(commands_, [](const Command& entry) { return entry.app->parsed(); });
  }

  // Returns false if the command line only asked for a text, which is then printed.
  bool parse() try {
    check_words();
    root_.parse(words_from_last());
    check_log_file();
    return true;
  } catch (const CLI::CallForVersion&) {
    print(version_line() + "\n");
    return false;
  } catch (const CLI::Success&) {
    print(root_.help());
    return false;
  } catch (const CLI::ParseError& error) {
    if (print_help_if_asked()) return false;
    throw explain(error, root_);
  } catch (const Error&) {
    if (print_help_if_asked()) return false;
    throw;
  }

  // The parser would take the next word as the value of "--output=", and a command after "--" without its defaults.
  void check_words() const {
    const std::vector<std::string_view> words = option_words();
    for (const std::string_view word : words) {
      if (word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1) {
        throw usage_error(fmt::format("{} needs a value", word.substr(0, word.size() - 1)),
                          "write the value directly after '='");
      }
    }
    const bool has_separator = static_cast<int>(words.size()) < argc_ - 1;
    if (has_separator && named_command(words) == commands_.end()) {
      throw usage_error("there is a '--' before the command", "write the command first: mnist COMMAND ...");
    }
  }

  // For the parser, which takes the words in this order, and words after "--" as arguments only if there is none
  // before.
  std::vector<std::string> words_from_last() const {
    std::vector<std::string> words;
    bool are_arguments = false;
    for (int i = 1; i < argc_; ++i) {
      const std::string word = argv_[i];
      const bool is_path = are_arguments && word.size() > 1 && word.starts_with('-');
      if (are_arguments || word != "--") words.push_back(is_path ? "./" + word : word);
      are_arguments = are_arguments || word == "--";
    }
    std::ranges::reverse(words);
    return words;
  }

  // The log would be appended to a result, or replaced by it.
  void check_log_file() const {
    const auto command = given_command();
    if (options_.log.file.empty() || command == commands_.end()) return;
    std::error_code ignored;
    const auto log = std::filesystem::weakly_canonical(options_.log.file, ignored);
    for (const CLI::Option* option : own_options(*command->app)) {
      const std::vector<std::string>& values = option->results();
      if ((option->get_type_name() != "FILE" && option->get_type_name() != "PATH") || values.size() != 1) continue;
      if (std::filesystem::weakly_canonical(values.front(), ignored) != log) continue;
      throw usage_error(fmt::format("{} and --log-file give the same file", display_name(option)),
                        "give different files");
    }
  }

  // The words before "--".
  std::vector<std::string_view> option_words() const {
    return {argv_ + 1, std::find(argv_ + 1, argv_ + argc_, std::string_view("--"))};
  }

  // The command that one of the words names.
  std::vector<Command>::const_iterator named_command(const std::vector<std::string_view>& words) const {
    return std::ranges::find_if(
        commands_, [&](const Command& entry) { return std::ranges::count(words, entry.app->get_name()) > 0; });
  }

  // --help has priority over errors in the command line.
  bool print_help_if_asked() const {
    const std::vector<std::string_view> words = option_words();
    const auto asks = [](std::string_view word) { return word == "-h" || word == "--help"; };
    if (std::ranges::none_of(words, asks)) return false;
    const auto command = named_command(words);
    print(command == commands_.end() ? root_.help() : command->app->help());
    return true;
  }

  int failed(const Error& error) {
    options_.log.status->draw("");  // another process of the run may have drawn on the same terminal
    print_error(error, color_err_, log_.get());
    return error.exit_code();
  }

  int argc_;
  const char* const* argv_;
  GeneralOptions options_;
  CLI::App root_;
  std::vector<Command> commands_;
  std::shared_ptr<spdlog::logger> log_;
  bool color_err_ = use_color("auto", Stream::err);
};

}  // namespace

int run(int argc, const char* const* argv) try {
  Program program(argc, argv);
  return program.finish(program.run());
} catch (const std::exception& exception) {
  const Error error = as_error(exception, /*command=*/"");
  print_error(error, /*color=*/false, /*log=*/nullptr);
  return error.exit_code();
}

}  // namespace mnist::cli
