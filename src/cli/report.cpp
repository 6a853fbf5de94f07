// mnist report: writes the page of a run or a model (report.html).
#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/text.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/device/spin_control.hpp"
#include "mnist/predict/load_model.hpp"
#include "mnist/report/progress.hpp"

#include "command.hpp"
#include "evaluation_data.hpp"
#include "options.hpp"
#include "output_model.hpp"
#include "print.hpp"
#include "report_page.hpp"
#include "report_pictures.hpp"
#include "run_figures.hpp"

namespace mnist::cli {
namespace {

struct ReportOptions {
  std::filesystem::path source;  // a run directory or a model file
  EvaluationDataOptions data;
  const CLI::App* given = nullptr;  // the parsed command line
  std::filesystem::path output;     // empty: report.html in the run directory, or <model>.html here
  std::filesystem::path pictures;   // folder; empty: none
  std::string device = "auto";
  int threads = 0;
};

struct Evaluated {
  PageEvaluation figures;
  std::vector<PageFact> facts;
  std::string dataset;
};

// The model and the device of the evaluation.
struct Source {
  std::filesystem::path path;
  LoadedModel model;
  c10::Device device = c10::kCPU;
};

Source load_source(const std::filesystem::path& path, const ReportOptions& options, const Context& context, bool hash) {
  const DeviceChoice device = select_device(options.device);
  tell_device(device, spdlog::level::info, context.log);
  return {path, load_model(path, context.log, hash), device.device};
}

// Keeps a page of another model or run under another name. `mark`: a text that only pages of this one contain.
void make_room_for_page(const std::filesystem::path& output, const std::string& mark, spdlog::logger& log) {
  if (!holds_content(output)) return;
  if (read_file(output, "page").find(mark) == std::string::npos) {
    keep_old_file(output, "it is not a page of this model or run", log);
  } else {
    log.info("{} exists: the new page replaces it", quoted(output));
  }
}

// Facts of the model for its page, and `figures`.
Evaluated evaluated_as(PageEvaluation figures, const LoadedModel& model, std::string dataset) {
  return {std::move(figures), model_facts(model.recipe, parameter_count(*model.network)), std::move(dataset)};
}

Evaluated evaluate_source(const Source& source, const EvaluationData& data, const EvaluationDataOptions& options,
                          StatusLine& status) {
  const LoadedModel& model = source.model;
  const std::string dataset = data_name(data.dataset, options.data.data_dir);
  CountLine line(status, "evaluating");
  model.network->to(source.device);
  model.network->use_kernels(kernels_named("auto"));
  EvaluationOptions evaluation;
  evaluation.compute.device = source.device;
  evaluation.batch_size = model.info->training.test_batch_size;
  evaluation.stop_requested = options.data.stop_requested;
  evaluation.progress = [&line](std::int64_t done, std::int64_t all) { line.count(done, all); };
  PageEvaluation figures = evaluate_for_page(*model.network, *data.opened.batches, data.opened, evaluation,
                                             model.recipe, fmt::format("{} of {}", lower_case(data.part), dataset));
  figures.fitted_here = data.fitted;
  check_finite_loss(figures.evaluation, source.path);
  return evaluated_as(std::move(figures), model, dataset);
}

// Only the page of the run may be written to its folder: the other files are needed.
void check_page_of_run(const std::filesystem::path& output, const std::filesystem::path& run,
                       const std::filesystem::path& model) {
  std::error_code ignored;
  const std::filesystem::path folder = output.has_parent_path() ? output.parent_path() : std::filesystem::path(".");
  const bool inside = std::filesystem::equivalent(folder, run, ignored) && !ignored;
  if (inside && output.filename() != page_path(run).filename()) {
    throw usage_error(fmt::format("--output {} is in the run directory, whose files are needed", quoted(output)),
                      "omit --output, or name a file elsewhere");
  }
  check_not_same(output, model);
}

// The data options of the run, except for given ones.
void take_data_of_run(const RunFigures& run, const ReportOptions& options, EvaluationDataOptions& data) {
  const auto take = [&](const char* name, auto& value) {
    const auto found = run.options.find(name);
    if (found != run.options.end() && !is_given(*options.given->get_option(fmt::format("--{}", name)))) {
      value = found->second;
    }
  };
  take("data-dir", data.data.data_dir);
  take("bad-images", data.data.bad_images);
}

// Whether options say which data to evaluate.
bool names_data(const ReportOptions& options) {
  return std::ranges::any_of(std::array{"--data-dir", "--dataset", "--bad-images"},
                             [&](const char* option) { return is_given(*options.given->get_option(option)); });
}

// Nothing if the data cannot be opened, with a warning that ends with `instead`: they may be on another machine. Throws
// if options say where they are.
std::optional<EvaluationData> open_data_of_run(const Source& source, const ReportOptions& options,
                                               const EvaluationDataOptions& data, const Context& context,
                                               const std::string& instead) {
  try {
    return open_evaluation_data(source.model, source.path, data, source.device, context.log);
  } catch (const Error& error) {
    if (names_data(options)) throw;
    context.log.warn("{}; {}; to name the data, use --data-dir", error.what(), instead);
    return std::nullopt;
  }
}

// What the page has if data or weights are gone.
std::string instead_of_evaluation(bool is_stored) {
  return is_stored ? "the evaluation is that of the end of the run, without pictures of mistakes"
                   : "the page has no evaluation";
}

// The one that the run has stored, unless options name data or the data are others now. Nothing if there is neither.
std::optional<Evaluated> evaluation_for(const Source& source, const ReportOptions& options,
                                        const EvaluationDataOptions& data_options, const Context& context) {
  std::optional<StoredEvaluation> stored;
  if (!names_data(options)) stored = evaluation_of_run(options.source, source.model.sha256);
  const std::optional<EvaluationData> data =
      open_data_of_run(source, options, data_options, context, instead_of_evaluation(stored.has_value()));
  if (data && (!stored || !is_evaluation_of(*stored, data->opened))) {
    return evaluate_source(source, *data, data_options, *context.status);
  }
  if (!stored) return std::nullopt;
  if (data) {
    add_mistakes(*stored, source.model, data->opened);
    context.log.info("the evaluation is that of the end of the run; to evaluate again, name the data with --data-dir");
  }
  return evaluated_as(std::move(stored->page), source.model, "");
}

// If the page shows other weights than the model that the run wrote, it has other figures than before.
void tell_missing_model(const RunFigures& run, const std::filesystem::path& weights, spdlog::logger& log) {
  const std::filesystem::path& model = run.record.manifest.model;
  if (weights.empty() || model.empty() || weights == model) return;
  log.warn("the model {} of the run is missing, or is another one now: the page shows {} of the run", quoted(model),
           quoted(weights.filename()));
}

// The stored one, if the files with the weights were removed.
std::optional<Evaluated> evaluation_without_weights(const RunFigures& run, const ReportOptions& options,
                                                    spdlog::logger& log) {
  auto stored = evaluation_of_run(options.source, run.record.manifest.model_sha256);
  log.warn("{}: {}", run.epochs == 0 ? "no epoch of the run is finished" : "the weights of the run are gone",
           instead_of_evaluation(stored.has_value()));
  if (!stored) return std::nullopt;
  return Evaluated{std::move(stored->page), {}, ""};
}

std::filesystem::path report_run(const ReportOptions& options, EvaluationDataOptions data, const Context& context) {
  const RunFigures run = figures_of(options.source, /*with_steps=*/true);
  std::filesystem::path output = options.output.empty() ? page_path(options.source) : options.output;
  const std::filesystem::path path = model_of_run(run);
  check_page_of_run(output, options.source, path);
  prepare_output(output, context.log);
  take_data_of_run(run, options, data);
  tell_missing_model(run, path, context.log);
  const std::optional<Evaluated> evaluated =
      path.empty() ? evaluation_without_weights(run, options, context.log)
                   : evaluation_for(load_source(path, options, context, /*hash=*/true), options, data, context);
  const PageEvaluation* const evaluation = evaluated ? &evaluated->figures : nullptr;
  // The run's own page is always replaced.
  if (!options.output.empty()) make_room_for_page(output, mark_of(run), context.log);
  write_run_page(run, evaluation, evaluated ? evaluated->facts : std::vector<PageFact>(), context.program, output);
  if (!options.pictures.empty()) write_pictures(options.pictures, &run.record, evaluation, context.log);
  return output;
}

std::filesystem::path report_model(const ReportOptions& options, const EvaluationDataOptions& data,
                                   const Context& context) {
  std::filesystem::path output =
      options.output.empty() ? std::filesystem::path(options.source.stem().string() + ".html") : options.output;
  check_not_same(output, options.source);
  prepare_output(output, context.log);
  const Source source = load_source(options.source, options, context, /*hash=*/true);
  const std::string& sha256 = source.model.sha256;
  const EvaluationData opened = open_evaluation_data(source.model, source.path, data, source.device, context.log);
  Evaluated evaluated = evaluate_source(source, opened, data, *context.status);
  evaluated.facts.emplace_back("Model file", options.source.string());
  evaluated.facts.emplace_back("SHA-256 of the model", sha256);
  make_room_for_page(output, sha256, context.log);
  write_model_page(options.source, evaluated.figures, evaluated.facts, source.model.recipe.arch, evaluated.dataset,
                   data.data.data_dir, context.program, output);
  if (!options.pictures.empty()) write_pictures(options.pictures, nullptr, &evaluated.figures, context.log);
  return output;
}

int run_report(const ReportOptions& options, const Context& context) {
  if (options.source.empty()) {
    throw usage_error("report needs a run directory or a model file",
                      "mnist report runs/cnn-1, or mnist report mnist_cnn.pt --data-dir DIR");
  }
  if (is_stdin(options.source)) {
    throw usage_error("report does not read stdin", "give a run directory or a model file");
  }
  std::error_code ignored;
  if (!std::filesystem::exists(options.source, ignored)) {
    throw data_error(fmt::format("there is no run directory or model file {}", quoted(options.source)),
                     "to see the runs in the folder 'runs': mnist runs");
  }
  if (!options.pictures.empty()) make_folder(options.pictures, "choose another folder with --pictures");
  keep_freed_memory();
  const SpinControl spin(set_threads(wanted_threads(options.threads)));
  warn_of_threads(options.threads, context.log);
  const StopSignals signals;
  EvaluationDataOptions data = options.data;
  data.data.stop_requested = [&signals] { return signals.received() != 0; };
  data.data.status = context.status;
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
  o.given = app;
  add_data_dir(*app, o.data.data.data_dir);
  add_cache_mb(*app, o.data.data.cache_mb);
  add_bad_images(*app, o.data.data.bad_images);
  not_empty(
      app->add_option("--output", o.output,
                      "page to write (default: report.html in the run directory, or <model>.html in this folder)"))
      ->type_name("FILE");
  not_empty(app->add_option("--pictures", o.pictures,
                            "also write curves, confusion matrix, figures of the classes and mistakes to this folder, "
                            "each as PNG and SVG"))
      ->type_name("DIR");
  add_device(*app, o.device);
  add_threads(*app, o.threads);
  return {app, [options](const Context& context) { return run_report(*options, context); }};
}

}  // namespace mnist::cli
