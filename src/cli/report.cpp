// mnist report: writes the page of a run or a model (report.html).
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/sha256.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/text.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/device/spin_control.hpp"

#include "command.hpp"
#include "evaluation_data.hpp"
#include "load_model.hpp"
#include "options.hpp"
#include "print.hpp"
#include "report_page.hpp"
#include "run_figures.hpp"

namespace mnist::cli {
namespace {

struct ReportOptions {
  std::filesystem::path source;  // a run directory or a model file
  EvaluationDataOptions data;
  const CLI::Option* data_dir_option = nullptr;
  std::filesystem::path output;  // empty: report.html in the run directory, or <model>.html here
  std::string device = "auto";
  int threads = 0;
};

// The weights that the run gives: the file that it wrote, unless another one has replaced it, else those in its folder.
// Empty if there are none.
std::filesystem::path model_of_run(const RunFigures& run) {
  const RunManifest& manifest = run.record.manifest;
  std::error_code ignored;
  if (!manifest.model.empty() && std::filesystem::is_regular_file(manifest.model, ignored) &&
      file_sha256(manifest.model, "model file") == manifest.model_sha256) {
    return manifest.model;
  }
  const auto keep = run.options.find("keep-best");
  const bool best = keep != run.options.end() && keep->second == "on";
  const std::filesystem::path weights = run.record.path / (best ? "best.pt" : "last.pt");
  return std::filesystem::is_regular_file(weights, ignored) ? weights : "";
}

struct Evaluated {
  PageEvaluation figures;
  std::vector<PageFact> facts;
  Recipe recipe;
  std::string dataset;
};

Evaluated evaluate_source(const std::filesystem::path& path, const ReportOptions& options,
                          const EvaluationDataOptions& data_options, const Context& context) {
  const DeviceChoice device = select_device(options.device);
  tell_device(device, spdlog::level::info, context.log);
  const LoadedModel model = load_model(path, context.log);
  const EvaluationData data = open_evaluation_data(model, path, data_options, device.device, context.log);
  model.network->to(device.device);
  model.network->use_kernels(kernels_named("auto"));
  EvaluationOptions evaluation;
  evaluation.compute.device = device.device;
  evaluation.batch_size = model.info->training.test_batch_size;
  evaluation.stop_requested = data_options.data.stop_requested;
  return {evaluate_for_page(*model.network, *data.opened.batches, data.opened, evaluation, model.recipe,
                            fmt::format("{} of {}", lower_case(data.part), data.dataset)),
          model_facts(model.recipe, parameter_count(*model.network)), model.recipe, data.dataset};
}

// The data of the run, unless others are given. A page without an evaluation is written if they cannot be opened: they
// may be on another machine.
std::filesystem::path report_run(const ReportOptions& options, EvaluationDataOptions data, const Context& context) {
  const RunFigures run = figures_of(options.source);
  const std::filesystem::path output = options.output.empty() ? page_path(options.source) : options.output;
  const bool given = is_given(*options.data_dir_option);
  if (const auto folder = run.options.find("data-dir"); !given && folder != run.options.end()) {
    data.data.data_dir = folder->second;
  }
  std::optional<Evaluated> evaluated;
  if (const std::filesystem::path model = model_of_run(run); model.empty()) {
    context.log.warn("the run has no weights yet: the page has no evaluation");
  } else {
    try {
      evaluated = evaluate_source(model, options, data, context);
    } catch (const Error& error) {
      if (given) throw;
      context.log.warn("{}; the page has no evaluation; to name the data, use --data-dir", error.what());
    }
  }
  write_run_page(options.source, evaluated ? &evaluated->figures : nullptr,
                 evaluated ? evaluated->facts : std::vector<PageFact>(), context.program, output);
  return output;
}

std::filesystem::path report_model(const ReportOptions& options, const EvaluationDataOptions& data,
                                   const Context& context) {
  const std::filesystem::path output =
      options.output.empty() ? std::filesystem::path(options.source.stem().string() + ".html") : options.output;
  prepare_output(output, context.log);
  check_not_same(output, options.source);
  const Evaluated evaluated = evaluate_source(options.source, options, data, context);
  write_model_page(options.source, evaluated.figures, evaluated.facts, evaluated.recipe.arch, evaluated.dataset,
                   data.data.data_dir, context.program, output);
  return output;
}

int run_report(const ReportOptions& options, const Context& context) {
  if (options.source.empty()) {
    throw usage_error("report needs a run directory or a model file",
                      "mnist report runs/cnn-1, or mnist report mnist_cnn.pt --data-dir DIR");
  }
  const SpinControl spin(set_threads(wanted_threads(options.threads)));
  const StopSignals signals;
  EvaluationDataOptions data = options.data;
  data.data.stop_requested = [&signals] { return signals.received() != 0; };
  data.data.status = context.status;
  std::error_code ignored;
  try {
    const bool run = std::filesystem::is_directory(options.source, ignored);
    const std::filesystem::path output =
        run ? report_run(options, data, context) : report_model(options, data, context);
    context.log.info("report: {}", quoted(output));
    return 0;
  } catch (const Stopped&) {
    context.log.warn("stopped by {} before all images were evaluated; nothing is written", signals.name());
    return signals.exit_code();
  }
}

}  // namespace

Command add_report(CLI::App& root) {
  CLI::App* app = root.add_subcommand("report", "Write a page (HTML) about a run or a model, with an evaluation");
  const auto options = std::make_shared<ReportOptions>();
  ReportOptions& o = *options;
  app->add_option("SOURCE", o.source, "run directory, or model file of this program or of a Python program")
      ->type_name("PATH");
  one_of(app->add_option("--dataset", o.data.dataset, "data set (default: the one the model was trained on)"),
         all_dataset_names());
  o.data_dir_option = add_data_dir(*app, o.data.data.data_dir);
  add_cache_mb(*app, o.data.data.cache_mb);
  add_bad_images(*app, o.data.data.bad_images);
  not_empty(app->add_option("--output", o.output,
                            "page to write (default: report.html in the run directory, or <model>.html)"))
      ->type_name("FILE");
  add_device(*app, o.device);
  add_threads(*app, o.threads);
  return {app, [options](const Context& context) { return run_report(*options, context); }};
}

}  // namespace mnist::cli
