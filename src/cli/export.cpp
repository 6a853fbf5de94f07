// mnist export: writes a model for other programs: ONNX, safetensors, or a model repository of Triton.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <ATen/ops/equal.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/output.hpp"
#include "mnist/core/terminal.hpp"
#include "mnist/core/text.hpp"
#include "mnist/export/onnx_export.hpp"
#include "mnist/export/triton.hpp"
#include "mnist/predict/load_model.hpp"

#include "class_names.hpp"
#include "command.hpp"
#include "options.hpp"
#include "output_model.hpp"

namespace mnist::cli {
namespace {

constexpr const char* kOnnx = "onnx";
constexpr const char* kSafetensors = "safetensors";
constexpr const char* kTriton = "triton";

struct ExportOptions {
  std::filesystem::path model = kDefaultModel;
  std::filesystem::path classes;
  std::string format = kOnnx;
  std::filesystem::path output;
  bool with_preprocessing = false;
  std::string name;
  std::int64_t max_batch = 64;
  bool overwrite = false;
  const CLI::App* given = nullptr;  // the parsed command line
};

// Options that another format has.
void check_format_options(const ExportOptions& options) {
  const auto only_for = [&](const char* option, bool used, const char* formats) {
    if (used || !is_given(*options.given->get_option(option))) return;
    throw usage_error(fmt::format("{} has no meaning with --format {}", option, options.format),
                      fmt::format("omit it; it is for --format {}", formats));
  };
  only_for("--with-preprocessing", options.format != kSafetensors || !options.with_preprocessing, "onnx and triton");
  only_for("--name", options.format != kSafetensors, "onnx and triton");
  only_for("--max-batch", options.format == kTriton, kTriton);
}

// The format of files with this ending, if there is one.
std::optional<std::string> format_of_ending(const std::filesystem::path& output) {
  for (const char* format : {kOnnx, kSafetensors}) {
    if (output.extension() == fmt::format(".{}", format)) return format;
  }
  return std::nullopt;
}

// The ending of a model's name must be that of its format.
void check_ending(const ExportOptions& options) {
  const std::string ending = "." + options.format;
  if (options.output.extension() == ending || (options.format == kOnnx && is_stream(options.output))) return;
  const std::optional<std::string> fitting = format_of_ending(options.output);
  throw usage_error(fmt::format("--output {} does not end in {}", quoted(options.output), ending),
                    fitting ? fmt::format("give it this ending, or use --format {}", *fitting)
                            : fmt::format("give it this ending, or choose another --format than {}", options.format));
}

void check_export_output(const ExportOptions& options, spdlog::logger& log) {
  if (options.format == kTriton) {
    std::error_code ignored;
    if (std::filesystem::exists(options.output, ignored) && !std::filesystem::is_directory(options.output, ignored)) {
      throw usage_error(fmt::format("--output {} is not a folder", quoted(options.output)),
                        "name the folder of the model repository");
    }
    return;
  }
  check_ending(options);
  if ((options.output == "-" || options.output == "/dev/stdout") && is_terminal(Stream::out)) {
    throw usage_error("a model is not text, and stdout is a terminal", "name a file with --output");
  }
  check_not_same(options.output, options.model);
  check_output(options.output, log);
}

// The name of the model for a server: --name, else that of the file without its ending.
std::string served_name(const ExportOptions& options) {
  if (!options.name.empty()) {
    if (is_triton_name(options.name)) return options.name;
    throw usage_error(fmt::format("--name cannot be {}", quoted_name(options.name)), kTritonNameHint);
  }
  const std::string stem = options.model.stem().string();
  return is_triton_name(stem) && !is_stream(options.model) && !is_stdin(options.model) ? stem : "mnist";
}

// Whether the file is a model with these weights and this recipe.
bool is_same_model(const std::filesystem::path& path, const NamedTensors& state, const Recipe& recipe) {
  try {
    const ModelFile old = read_model_file(path);
    return old.recipe == recipe && std::ranges::equal(old.state, state, [](const auto& one, const auto& other) {
             return one.first == other.first && one.second.dtype() == other.second.dtype() &&
                    at::equal(one.second, other.second);
           });
  } catch (const std::exception&) {  // an unknown file must not be destroyed
    return false;
  }
}

void write_safetensors(const ExportOptions& options, const LoadedModel& model, spdlog::logger& log) {
  const std::filesystem::path& output = options.output;
  const NamedTensors state = state_dict(*model.network);
  if (!options.overwrite && holds_content(output) && !is_same_model(output, state, model.recipe)) {
    keep_old_file(output, "it is another model; --overwrite replaces it", log);
  }
  write_model_file(output, state, model.recipe, PickleLayout::state_dict);
  log.info("safetensors model: {}", quoted(output));
}

void write_onnx(const ExportOptions& options, const OnnxModel& model, spdlog::logger& log) {
  const std::string bytes = to_onnx(model);
  std::error_code ignored;
  const bool may_differ = !options.overwrite && holds_content(options.output);
  if (may_differ && (std::filesystem::file_size(options.output, ignored) != bytes.size() ||
                     read_file(options.output, "file") != bytes)) {
    keep_old_file(options.output, "it has another content; --overwrite replaces it", log);
  }
  write_output(options.output, bytes);
  log.info("ONNX model: {}, {} bytes; input {}, output {}", quoted(options.output), with_thousands(std::ssize(bytes)),
           model.inputs.front().name, model.outputs.front().name);
}

void add_to_repository(const ExportOptions& options, const std::string& name, const LoadedModel& model,
                       const OnnxModel& onnx, spdlog::logger& log) {
  if (make_folder(options.output, "choose another location")) log.info("new folder: {}", quoted(options.output));
  const TritonModel served = {name, model.recipe.class_names, options.max_batch};
  const TritonVersion version = write_triton(options.output, served, onnx, options.overwrite);
  if (version.number > 1) {
    log.info("{} has other versions of the model {}, which stay: this one is version {}", quoted(options.output),
             served.name, version.number);
  }
  log.info("Triton model: {}, version {}: {}; input {}, output {}", served.name, version.number, quoted(version.folder),
           onnx.inputs.front().name, onnx.outputs.front().name);
}

int run_export(ExportOptions options, const Context& context) {
  if (options.given->get_option("--format")->count() == 0) {
    options.format = format_of_ending(options.output).value_or(options.format);
  }
  check_one_stdin({{"--model", options.model}, {"--classes", options.classes}});
  check_format_options(options);
  const std::string name = served_name(options);
  check_export_output(options, context.log);
  LoadedModel model = load_model(options.model, context.log, /*hash=*/true);
  name_classes(model, options.model, options.classes, context.log);
  if (options.format == kSafetensors) {
    write_safetensors(options, model, context.log);
    return 0;
  }
  // The name of the model file is not in an ONNX file, so that a copy of the model gives the same bytes.
  const bool by_arch = options.format == kOnnx && options.name.empty();
  const OnnxModel onnx = onnx_model(*model.network, model.recipe,
                                    {.name = by_arch ? model.recipe.arch : name,
                                     .preprocessing = options.with_preprocessing,
                                     .model_sha256 = model.sha256});
  if (options.format == kOnnx) {
    write_onnx(options, onnx, context.log);
  } else {
    add_to_repository(options, name, model, onnx, context.log);
  }
  return 0;
}

}  // namespace

Command add_export(CLI::App& root) {
  CLI::App* app = root.add_subcommand("export", "Write a model for other programs: ONNX, safetensors, Triton");
  const auto options = std::make_shared<ExportOptions>();
  ExportOptions& o = *options;
  o.given = app;
  app->add_option("--model", o.model, "model file of this program or of a Python program")
      ->type_name("FILE")
      ->default_str(kDefaultModel);
  add_classes(*app, o.classes);
  one_of(app->add_option("--format", o.format,
                         "ONNX; safetensors, the weights only; or an ONNX model in a model repository of Triton; "
                         "if it is missing, the ending of --output decides"),
         {kOnnx, kSafetensors, kTriton});
  not_empty(app->add_option("--output", o.output,
                            "file to write, .onnx or .safetensors, or the folder of the model repository"))
      ->type_name("PATH")
      ->required();
  add_flag(*app, "--with-preprocessing", o.with_preprocessing,
           "ONNX from pixels (bytes) to probabilities, instead of from normalised images to logits");
  not_empty(app->add_option("--name", o.name,
                            "name of the model in the repository and of the ONNX graph (default: the model file's, "
                            "without its ending; of a graph the network's)"))
      ->type_name("NAME");
  integer(app->add_option("--max-batch", o.max_batch, "for Triton: images that the server may run together"), 1,
          100'000);
  add_flag(*app, "--overwrite", o.overwrite,
           "replace an existing file with another content, which is kept as FILE.bak by default; of a model "
           "repository, config.pbtxt and labels.txt");
  return {app, [options](const Context& context) { return run_export(*options, context); }};
}

}  // namespace mnist::cli
