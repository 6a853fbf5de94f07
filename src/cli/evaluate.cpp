// mnist evaluate: evaluates a saved model on a labelled data set.

#include "mnist/train/evaluate.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <ATen/ops/arange.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/output.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/terminal.hpp"
#include "mnist/core/text.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/device/spin_control.hpp"
#include "mnist/format/image.hpp"
#include "mnist/predict/load_model.hpp"
#include "mnist/report/pictures.hpp"
#include "mnist/report/progress.hpp"
#include "mnist/train/calibration.hpp"
#include "mnist/train/classification_report.hpp"

#include "annotate.hpp"
#include "class_names.hpp"
#include "command.hpp"
#include "evaluate_output.hpp"
#include "evaluation_data.hpp"
#include "open_data.hpp"
#include "options.hpp"
#include "print.hpp"
#include "report_pictures.hpp"

namespace mnist::cli {
namespace {

struct EvaluateOptions {
  std::filesystem::path model = kDefaultModel;
  EvaluationDataOptions data;
  std::string split = "test";
  std::int64_t top_k = 5;
  std::optional<std::int64_t> batch_size;  // else as the network is tested in training
  std::string device = "auto";
  std::string precision;
  std::string kernels;
  int threads = 0;
  std::string format = "text";
  std::filesystem::path classes;
  std::filesystem::path confusion;
  std::filesystem::path misclassified;
  std::filesystem::path show_misclassified;
  const CLI::Option* top_k_option = nullptr;
};

// Checks early what would otherwise fail after all the work.
void check_files(const EvaluateOptions& options, spdlog::logger& log) {
  check_one_stdin(
      {{"--model", options.model}, {"--classes", options.classes}, {"--data-dir", options.data.data.data_dir}});
  check_is_picture("--confusion", options.confusion);
  if (options.misclassified == "-" || options.misclassified == "/dev/stdout") {
    throw usage_error("stdout is for the figures, and --misclassified writes to it, too",
                      "name a file with --misclassified; --format json has the misclassified items");
  }
  for (const std::filesystem::path& output : {options.confusion, options.misclassified}) {
    if (output.empty()) continue;
    check_not_same(output, options.model);
    prepare_output(output, log);
  }
  check_is_folder("--show-misclassified", options.show_misclassified);
  if (!options.show_misclassified.empty()) {
    make_folder(options.show_misclassified, "choose another folder with --show-misclassified");
  }
  if (!options.confusion.empty() && options.confusion.lexically_normal() == options.misclassified.lexically_normal()) {
    throw usage_error("--confusion and --misclassified give the same file", "give different files");
  }
}

void write_results(const EvaluateOptions& options, const EvaluationResult& result, spdlog::logger& log) {
  const auto columns = static_cast<std::size_t>(terminal_width(Stream::out));
  print(options.format == "json" ? evaluation_json(result) : evaluation_text(result, columns));
  if (!options.misclassified.empty()) {
    write_output(options.misclassified, mistakes_csv(result));
    log.info("misclassified items: {}", quoted(options.misclassified));
  }
  if (!options.confusion.empty()) {
    const std::string title =
        fmt::format("{} on {}: {:.2f} % of {} right", options.model.filename().string(), result.dataset,
                    100 * result.evaluation.accuracy(), with_thousands(result.evaluation.total));
    warn_of_letters(result.class_names, log);
    draw_confusion(options.confusion, result.report.confusion(), result.class_names, title);
    log.info("confusion matrix: {}", quoted(options.confusion));
  }
}

// Replaces characters that are not allowed in file names by "_".
std::string file_name_of(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char byte) { return byte == '/' || static_cast<unsigned char>(byte) < 0x20; }, '_');
  return name;
}

// Writes the network's input of each misclassified item: <item or photo>_true_<class>_predicted_<class>.png. Further
// photos of the same name get their item's number. Long names are shortened. Returns false after a request to stop.
bool show_misclassified(const std::filesystem::path& folder, const EvaluationResult& result, Batches& batches,
                        const Preprocessing& preprocessing, const std::function<bool()>& stop_requested) {
  constexpr std::size_t kLongestPart = 60;  // bytes; the limit of file names is 255
  const auto class_name = [&](std::int64_t index) {
    return begin_of(file_name_of(result.class_names[static_cast<std::size_t>(index)]), kLongestPart);
  };
  std::set<std::string> taken;
  constexpr std::int64_t kNoEpoch = 0;  // no random augmentation here
  batches.start(at::arange(batches.size()), kNoEpoch);
  for (const Answer& mistake : result.report.mistakes()) {
    const auto item = static_cast<std::size_t>(mistake.item);
    if (stop_requested()) return false;
    const std::string whole = result.paths.empty() ? std::to_string(item) : result.paths[item].stem().string();
    const std::string classes =
        fmt::format("_true_{}_predicted_{}.png", class_name(mistake.truth), class_name(mistake.predicted));
    const std::string begin = begin_of(whole, kLongestPart);
    std::string name = begin == whole ? begin : fmt::format("{}-{}", begin, item);
    while (!taken.insert(name + classes).second) name += fmt::format("-{}", item);
    const auto inputs = batches.get(mistake.item, mistake.item + 1).inputs;
    write_png(folder / (name + classes), denormalize(inputs, preprocessing)[0].permute({1, 2, 0}));
  }
  return true;
}

void check_can_be_drawn(const EvaluateOptions& options, std::int64_t classes) {
  constexpr std::int64_t kMostDrawn = 2000;
  if (options.confusion.empty() || classes <= kMostDrawn) return;
  throw usage_error(fmt::format("cannot draw a confusion matrix of {} classes; the maximum is {}", classes, kMostDrawn),
                    "omit --confusion");
}

Evaluation evaluate_visibly(Network& network, Batches& batches, EvaluationOptions options, StatusLine& status) {
  CountLine line(status, "evaluating");
  options.progress = [&line](std::int64_t done, std::int64_t all) { line.count(done, all); };
  return evaluate(network, batches, options);
}

// Returns false if a request to stop arrives after the results are printed and before all misclassified items are
// written. Throws `Stopped` if it arrives earlier.
bool evaluate_model(const EvaluateOptions& options, const Context& context,
                    const std::function<bool()>& stop_requested) {
  Compute compute{.kernels = kernels_named(options.kernels)};
  keep_freed_memory();
  const SpinControl spin(set_threads(wanted_threads(options.threads)));
  warn_of_threads(options.threads, context.log);
  const DeviceChoice device = select_device(options.device);
  compute.device = device.device;
  compute.precision = choose_precision(options.precision, device.device);
  LoadedModel model = load_model(options.model, context.log);
  name_classes(model, options.model, options.classes, context.log);
  tell_device(device, spdlog::level::info, context.log);
  EvaluationDataOptions data_options = options.data;
  data_options.data.stop_requested = stop_requested;
  data_options.data.status = context.status;
  data_options.split = options.split == "train" ? Split::train : Split::test;
  const EvaluationData data = open_evaluation_data(model, options.model, data_options, device.device, context.log);
  model.network->to(device.device);
  model.network->use_kernels(compute.kernels);
  const auto classes = static_cast<std::int64_t>(data.opened.class_names.size());
  check_can_be_drawn(options, classes);
  warn_of_top_k(*options.top_k_option, options.top_k, classes, context.log);
  EvaluationResult result{options.model.string(),
                          model.recipe.arch,
                          model.recipe.temperature,
                          data.dataset,
                          options.split,
                          data.part,
                          data.fitted,
                          options.classes.empty() ? data.opened.class_names : model.recipe.class_names,
                          data.opened.paths,
                          {},
                          ClassificationReport(classes, std::min(options.top_k, classes))};
  EvaluationOptions evaluation;
  evaluation.compute = compute;
  evaluation.batch_size = options.batch_size.value_or(model.info->training.test_batch_size);
  evaluation.stop_requested = stop_requested;
  evaluation.each_batch = [&](const torch::Tensor& log_probabilities, const torch::Tensor& targets) {
    result.report.add(at_temperature(log_probabilities, model.recipe.temperature), targets);
  };
  result.evaluation = evaluate_visibly(*model.network, *data.opened.batches, evaluation, *context.status);
  if (result.evaluation.stopped) throw Stopped();
  check_finite_loss(result.evaluation, options.model);
  write_results(options, result, context.log);
  if (options.show_misclassified.empty()) return true;
  if (!show_misclassified(options.show_misclassified, result, *data.opened.batches, model.recipe.preprocessing,
                          stop_requested)) {
    return false;
  }
  const auto mistakes = std::ssize(result.report.mistakes());
  context.log.info("{} written to {}", counted(mistakes, "misclassified input"), quoted(options.show_misclassified));
  return true;
}

int run_evaluate(const EvaluateOptions& options, const Context& context) {
  check_files(options, context.log);
  if (!options.show_misclassified.empty()) tell_older_pictures(options.show_misclassified, context.log);
  const StopSignals signals;
  try {
    if (evaluate_model(options, context, [&] { return signals.received() != 0; })) return 0;
    context.log.warn("stopped by {} before all misclassified items were drawn", signals.name());
    return signals.exit_code();
  } catch (const Stopped&) {
    context.log.warn("stopped by {} before all images were evaluated; nothing is written", signals.name());
    return signals.exit_code();
  }
}

}  // namespace

Command add_evaluate(CLI::App& root) {
  CLI::App* app = root.add_subcommand("evaluate", "Evaluate a saved model on a labelled data set");
  const auto options = std::make_shared<EvaluateOptions>();
  EvaluateOptions& o = *options;
  app->add_option("--model", o.model, "model file of this program or of a Python program")
      ->type_name("FILE")
      ->default_str(kDefaultModel);
  add_classes(*app, o.classes);
  one_of(app->add_option("--dataset", o.data.dataset, "data set (default: the one the model was trained on)"),
         all_dataset_names());
  add_data_dir(*app, o.data.data.data_dir);
  add_cache_mb(*app, o.data.data.cache_mb);
  add_bad_images(*app, o.data.data.bad_images);
  real(app->add_option("--val-split", o.data.val_split,
                       "share of each class's pictures for validation, if --data-dir has no train and val (default: "
                       "the model's, with its seed); 0: evaluate all pictures"),
       0, 0.9);
  one_of(app->add_option("--split", o.split, "part of the data set; val is the same as test"),
         {"test", "val", "train"});
  o.top_k_option = integer(
      app->add_option("--top-k", o.top_k, "number of most probable classes for the top-k accuracy"), 1, 100'000);
  integer(app->add_option("--batch-size", o.batch_size, "images per step (default: 1000, of photos 8)"), 1, 1'000'000);
  not_empty(app->add_option("--confusion", o.confusion, "draw the confusion matrix to this file, PNG or SVG"))
      ->type_name("FILE");
  not_empty(app->add_option("--misclassified", o.misclassified, "write the misclassified items to this CSV file"))
      ->type_name("FILE");
  not_empty(app->add_option("--show-misclassified", o.show_misclassified,
                            "write the network's input of each misclassified item to this folder, as PNG"))
      ->type_name("DIR");
  add_device(*app, o.device);
  add_precision(*app, o.precision);
  add_kernels(*app, o.kernels);
  add_threads(*app, o.threads);
  add_format(*app, o.format, {"text", "json"});
  return {app, [options](const Context& context) { return run_evaluate(*options, context); }};
}

}  // namespace mnist::cli
