// mnist man: the manual page, in the macros of man(7).
#include <array>
#include <map>
#include <sstream>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/version.hpp"

#include "command.hpp"
#include "describe.hpp"
#include "exit_codes.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

struct Entry {
  const char* name;
  const char* text;
};

// Besides those that stand for an option.
constexpr std::array<Entry, 6> kVariables = {{
    {"OMP_NUM_THREADS", "Number of threads on the CPU, if --threads is 0."},
    {"OMP_WAIT_POLICY, GOMP_SPINCOUNT", "How long a waiting thread spins; if neither is set, the program decides."},
    {"CUDA_VISIBLE_DEVICES", "The GPUs that --device auto and cuda may use."},
    {"NO_COLOR", "If set and not empty, --color auto uses no colours."},
    {"TERM, COLUMNS", "Kind and width of the terminal."},
    {"RANK, WORLD_SIZE, SLURM_PROCID, OMPI_COMM_WORLD_RANK, PMI_RANK, ...",
     "Place of a process in a run that torchrun, srun or mpirun starts."},
}};

constexpr std::array<Entry, 5> kFiles = {{
    {"mnist_cnn.pt", "Model that train writes and infer and evaluate read by default; a state dict of PyTorch."},
    {"mnist_cnn.pt.bak", "The replaced model, if the new one is not at least as good."},
    {"runs/<arch>-<n>/",
     "Directory of a run: config.toml, manifest.json, log.txt, metrics.jsonl, metrics.csv, timing.jsonl, "
     "report.html, evaluation.json, events.out.tfevents.* (--tensorboard), pictures, last.pt, best.pt, checkpoints/."},
    {"data/", "Data sets in torchvision's layout, such as data/MNIST/raw/train-images-idx3-ubyte.gz."},
    {"share/doc/mnist/, lib/mnist/libmnist_cuda.so",
     "Documentation, and the optional kernels for NVIDIA GPUs, in the folder of the installation."},
}};

constexpr std::array<Entry, 7> kExamples = {{
    {"mnist train --epochs 2", "Train the network for MNIST on the data in data/; writes mnist_cnn.pt."},
    {"mnist train --run-dir digits --resume auto", "Train, and resume if the same command was stopped before."},
    {"mnist train --arch resnet18 --data-dir photos", "Train on photos/train/CLASS/*.jpg and photos/val/CLASS/*.jpg."},
    {"mnist infer --image my_digit.png", "Classify a picture."},
    {"mnist evaluate --model mnist_cnn.pt --confusion confusion.png",
     "Evaluate a model, and draw the confusion matrix."},
    {"mnist export --output mnist_cnn.onnx", "Write a model as ONNX, for other programs."},
    {"mnist bench matmul --device cpu", "Measure the speed of matrix products."},
}};

// Text that roff prints as it is. `breakable`: a line may end after each "|".
std::string roff(std::string_view text, bool breakable = false) {
  static const std::map<char, std::string> kSpecial = {{'\\', "\\(rs"}, {'-', "\\-"},   {'\'', "\\(aq"},
                                                       {'`', "\\(ga"},  {'^', "\\(ha"}, {'~', "\\(ti"}};
  std::string out;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && c == '.') out += "\\&";  // else a request
    const auto special = kSpecial.find(c);
    out += special == kSpecial.end() ? std::string(1, c) : special->second;
    if (breakable && c == '|') out += "\\:";
    at_start = c == '\n';
  }
  return out;
}

std::string bold(std::string_view text) {
  return fmt::format("\\fB{}\\fR", roff(text));
}

// Names of commands and options in bold, what stands for a value in italics: of "-h, --help" or "--epochs N".
std::string syntax_in_fonts(const std::string& syntax) {
  std::vector<std::string> parts;
  std::istringstream words(syntax);
  for (std::string word; words >> word;) {
    const bool literal = word.starts_with('-') || word.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == word.npos;
    const bool comma = word.ends_with(',');
    if (comma) word.pop_back();
    parts.push_back((literal ? bold(word) : fmt::format("\\fI{}\\fR", roff(word, true))) + (comma ? "," : ""));
  }
  return fmt::format("{}", fmt::join(parts, " "));
}

// An item of a list: a tag, and an indented text.
std::string item(const std::string& tag, std::string_view text) {
  return fmt::format(".TP\n{}\n{}\n", tag, roff(text));
}

std::string options_page(const OptionSection& section) {
  std::string out;
  for (const CLI::Option* option : section.options) {
    out += item(syntax_in_fonts(option_syntax(*option)), option_details(*option));
  }
  return out;
}

std::string command_page(const CLI::App& command, const CLI::App& root) {
  std::string out = fmt::format(".SS {}\n{}.\n", roff(command_name(command)), roff(command.get_description()));
  const std::vector<OptionSection> sections = option_sections(command);
  for (const OptionSection& section : sections) {
    if (sections.size() > 1) out += fmt::format(".PP\n{}:\n", bold(section.title));
    out += options_page(section);
  }
  const std::string footer = own_footer(command);
  if (!footer.empty()) out += fmt::format(".PP\n.nf\n{}{}.fi\n", roff(footer), footer.ends_with('\n') ? "" : "\n");
  return &command == commands_of(root).back() ? out : out + "\n";
}

std::string synopsis(const CLI::App& root) {
  std::string out = ".SH SYNOPSIS\n" + syntax_in_fonts(usage_text(root)) + "\n";
  for (const CLI::App* command : commands_of(root)) out += ".br\n" + syntax_in_fonts(usage_text(*command)) + "\n";
  return out;
}

// The variables that stand for options, with the options.
std::string variables(const CLI::App& root) {
  std::map<std::string, std::string> options;
  for (const CLI::App* command : commands_of(root)) {
    for (const CLI::Option* option : own_options(*command)) {
      if (!option->get_envname().empty()) options[option->get_envname()] = names_of(*option).back();
    }
  }
  std::string out = ".SH ENVIRONMENT\n";
  for (const auto& [variable, option] : options) {
    out += item(bold(variable),
                fmt::format("Value of {}, if neither the command line nor a config file gives it.", option));
  }
  for (const Entry& entry : kVariables) out += item(bold(entry.name), entry.text);
  return out;
}

std::string manual_page(const CLI::App& root) {
  const BuildInfo build = build_info();
  std::string out = ".\\\" Written by: mnist man\n";
  out += fmt::format(".TH MNIST 1 \"{}\" \"mnist {}\" \"User Commands\"\n", build.date, build.version);
  out += ".nh\n.ad l\n.SH NAME\nmnist \\- trains, evaluates and runs small image classifiers\n" + synopsis(root);
  out += fmt::format(".SH DESCRIPTION\n{}\n", roff(root.get_description()));
  out += roff(
      "The same program uses the CPU or a GPU, and reads and writes the models of PyTorch's Python programs.\n"
      "Results go to stdout, everything else to stderr.\n");
  out += ".PP\n" + roff(
                       "An option's value comes from the command line, else from the --config file, else from the "
                       "environment, else it is the default. --option=VALUE is the same as --option VALUE.\n");
  out += ".SH COMMANDS\n";
  for (const CLI::App* command : commands_of(root)) out += command_page(*command, root);
  out += ".SH GENERAL OPTIONS\n" + options_page(general_options(root)) + variables(root) + ".SH FILES\n";
  for (const Entry& entry : kFiles) out += item(fmt::format("\\fI{}\\fR", roff(entry.name)), entry.text);
  out += ".SH EXIT STATUS\n";
  for (const ExitCode& entry : kExitCodes) out += item(bold(entry.code), entry.meaning);
  out += ".SH EXAMPLES\n";
  for (const Entry& entry : kExamples) out += item(bold(entry.name), entry.text);
  out += ".SH SEE ALSO\n.BR torchrun (1),\n.BR srun (1),\n.BR nvidia\\-smi (1)\n.PP\n";
  return out + roff("README.md and docs/ in the folder of the documentation.\n");
}

}  // namespace

Command add_man(CLI::App& root) {
  CLI::App* app = root.add_subcommand("man", "Print the manual page, for: mnist man | man -l -");
  return {app, [&root](const Context& /*context*/) {
            print(manual_page(root));
            return 0;
          }};
}

}  // namespace mnist::cli
