// The structure of every command: an options struct that the parser fills, `add_...(root)` that binds the options to
// it, and a `run` that only gets the filled struct and the context. One file per command; `app.cpp` lists them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <spdlog/logger.h>

#include "mnist/core/status_line.hpp"

namespace mnist::cli {

// Input of a command besides its own options.
struct Context {
  spdlog::logger& log;                 // for people, on stderr; results go to stdout
  std::shared_ptr<StatusLine> status;  // for progress, if stderr is a terminal that only this process writes to
  bool color_err;                      // whether to colour stderr
  std::string program;                 // as the user started it, for suggested commands: "build/release/bin/mnist"
  std::string command_line;            // as typed, quoted for a shell
  std::vector<std::string> arguments;  // the same, as the process got them
};

struct Command {
  CLI::App* app;                           // owned by the root parser
  std::function<int(const Context&)> run;  // returns the exit code; throws `Error`
};

Command add_train(CLI::App& root);
Command add_infer(CLI::App& root);
Command add_evaluate(CLI::App& root);
Command add_info(CLI::App& root);
Command add_runs(CLI::App& root);
Command add_compare(CLI::App& root);
Command add_report(CLI::App& root);
Command add_export(CLI::App& root);
Command add_serve(CLI::App& root);
Command add_bench(CLI::App& root);
Command add_completion(CLI::App& root);
Command add_man(CLI::App& root);
Command add_help(CLI::App& root);

}  // namespace mnist::cli
