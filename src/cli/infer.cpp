// mnist infer: classifies images, or an item of a test set. Read `run_infer` at the end first.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/output.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/text.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/data/prepare.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/device/spin_control.hpp"
#include "mnist/format/image.hpp"
#include "mnist/predict/classifier.hpp"
#include "mnist/predict/load_model.hpp"

#include "annotate.hpp"
#include "class_names.hpp"
#include "class_summary.hpp"
#include "command.hpp"
#include "infer_images.hpp"
#include "infer_options.hpp"
#include "infer_output.hpp"
#include "open_data.hpp"
#include "options.hpp"
#include "picture_run.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

// The destination of the results: stdout, or --output.
class Results {
 public:
  Results(const std::filesystem::path& output, spdlog::logger& log) {
    if (output.empty()) return;
    prepare_output(output, log);
    output_ = open_output(output);
  }

  void write(const std::string& text) {
    has_some_ = has_some_ || !text.empty();
    if (output_) {
      output_->write(text);
    } else {
      print_lines(text);
    }
  }

  // Keeps the results so far in a file of their own.
  void keep_part(spdlog::logger& log) {
    if (!output_ || !has_some_) return;
    try {
      const auto part = output_->commit_part();
      if (!part.empty()) log.info("results so far: {}", quoted(part));
    } catch (const Error& error) {  // the stop stays the reason of the end
      log.error("{}", error.what());
    }
  }

  // Keeps the old content of a file: no image has an answer.
  void discard() { is_discarded_ = true; }

  // Returns whether the results are in --output.
  bool finish() {
    if (!output_ || is_discarded_) return false;
    output_->commit();
    return true;
  }

 private:
  std::unique_ptr<Output> output_;
  bool has_some_ = false;
  bool is_discarded_ = false;
};

// A picture of the user must not be replaced by results.
void check_output_file(const InferOptions& options) {
  const std::string extension = lower_case(options.output.extension().string());
  if (extension != ".png" && extension != ".jpg" && extension != ".jpeg") return;
  throw usage_error(fmt::format("--output {} has the name of a picture, and gets text", quoted(options.output)),
                    "name a file such as results.tsv; --annotate DIR draws pictures");
}

InferForm form_of(const InferOptions& options, bool one_picture) {
  if (options.format == "json") return InferForm::json;
  if (options.format == "csv") return InferForm::csv;
  return one_picture ? InferForm::single : InferForm::lines;
}

void infer_test_item(const InferOptions& options, const LoadedModel& model, const Classifier& classifier,
                     Results& results, spdlog::logger& log) {
  const std::string name = options.dataset.value_or(dataset_of(model));
  if (name == kFolder) {
    throw usage_error("--test-item is for data sets of digits, but the model was trained on picture files",
                      "give the picture itself: mnist infer --image FILE");
  }
  const auto dataset = load_dataset(name, options.data_dir, Split::test);
  const auto number = *options.test_item;
  if (number >= dataset.size()) {
    throw usage_error(fmt::format("there is no test item {}: the test set has items 0 to {}", number,
                                  with_thousands(dataset.size() - 1)),
                      "give a number in that range");
  }
  const auto pixels = dataset.images[number].permute({1, 2, 0});
  if (!options.save_image.empty()) {
    write_png(options.save_image, pixels);
    log.info("test item: {}", quoted(options.save_image));
  }

  // Items of a data set are never inverted; only other pictures may need it.
  const auto image = prepare_image(pixels, classifier.preprocessing(), Invert::never);
  const auto label = dataset.class_names[static_cast<std::size_t>(dataset.labels[number].item<std::int64_t>())];
  const auto prediction =
      if_sure({"", TestItem{number, label}, classifier.classify({image}).front(), ""}, options.min_probability);
  if (prediction.top.empty()) throw not_finite(options.model, fmt::format("test item {}", number));
  const auto form = form_of(options, /*one_picture=*/true);
  results.write(infer_header(form, /*test_item=*/true, prediction.top.size(), /*annotated=*/false));
  results.write(infer_result(form, prediction, prediction.top.size()));
}

// The given paths in order: of options, arguments and lists.
std::vector<std::filesystem::path> named_paths(const InferOptions& options) {
  auto paths = options.images;
  paths.insert(paths.end(), options.paths.begin(), options.paths.end());
  if (options.files_from.empty()) return paths;
  const auto listed = read_file_list(options.files_from);
  paths.insert(paths.end(), listed.begin(), listed.end());
  return paths;
}

void check_stop(const StopSignals& signals, spdlog::logger& log) {
  if (signals.received() == 0) return;
  log.warn("stopped by {} before the first image", signals.name());
  throw Stopped();
}

// Throws `Stopped` after a signal: a list may have a million paths.
PictureFiles find_files(const InferOptions& options, const std::vector<std::filesystem::path>& paths, PictureRun& run,
                        const StopSignals& signals, spdlog::logger& log) {
  std::vector<ImageFile> images;
  for (const auto& path : paths) {
    check_stop(signals, log);
    const FoundImages found = find_images(path, {options.annotate, options.show_input});
    images.insert(images.end(), found.images.begin(), found.images.end());
    warn_of_ignored(path, found.ignored, log);
    for (const Error& error : found.unreadable) run.fail(error);
  }
  PictureFiles files;
  for (const ImageFile& image : images) {
    check_stop(signals, log);
    check_not_same(options.output, image.path);
    files.images.push_back(image.path);
  }
  check_output_file(options);
  if (!options.annotate.empty()) files.annotated = annotated_paths(options.annotate, options.model, images);
  if (!options.show_input.empty()) files.inputs = input_names(images);
  return files;
}

// Warns of given options that have no effect.
void warn_of_no_effect(const InferOptions& options, const LoadedModel& model, spdlog::logger& log) {
  const bool photos = model.recipe.preprocessing.kind == Preprocessing::Kind::photo;
  const auto warn = [&](const char* option, bool unused, const std::string& why) {
    if (unused && has_option(options, option)) log.warn("{} has no effect: {}", option, why);
  };
  warn("--invert", photos && options.invert == "always", "it is for pictures of digits, and the model is for photos");
  warn("--invert", options.test_item.has_value() && options.invert == "always", "test items are never inverted");
  for (const char* option : {"--dataset", "--data-dir"}) {
    warn(option, !options.test_item, "it is for --test-item");
  }
  warn_of_top_k(*options.given->get_option("--top-k"), options.top_k, std::ssize(model.recipe.class_names), log);
}

// Returns the number of paths and images without an answer. Throws `Stopped` after a signal.
std::int64_t infer_images(const InferOptions& options, const Classifier& classifier, const Context& context,
                          const StopSignals& signals, std::int64_t batch_size, Results& results) {
  const auto paths = named_paths(options);
  std::error_code ignored;
  const bool one_picture =
      paths.size() == 1 && options.files_from.empty() && !std::filesystem::is_directory(paths.front(), ignored);
  ClassSummary summary(static_cast<std::size_t>(options.show.value_or(0)), options.multi ? "digits" : "images");
  const bool table_only = options.show && prints_results(options);
  PictureRun run({.model = options.model,
                  .annotate = options.annotate,
                  .show_input = options.show_input,
                  .invert = invert_from_name(options.invert),
                  .form = form_of(options, one_picture),
                  .min_probability = options.min_probability,
                  .multi = options.multi,
                  .batch_size = static_cast<std::size_t>(batch_size),
                  .write =
                      [&](const std::string& text) {
                        if (!table_only) context.status->interrupt([&] { results.write(text); });
                      },
                  .summary = options.show ? &summary : nullptr},
                 classifier, context, signals);
  run.answer(find_files(options, paths, run, signals, context.log));
  run.tell_written();
  if (run.answers() == 0 && run.failures() > 0) {
    results.discard();
  } else if (table_only) {
    results.write(summary.text());
  } else if (options.show) {
    print(summary.text());
  }
  return run.failures();
}

// The exit code. Throws `Stopped`.
int infer(const InferOptions& options, const DeviceChoice& device, const StopSignals& signals, const Context& context) {
  // Before the work, so that an output that cannot be written fails at once.
  Results results(options.output, context.log);
  if (!options.annotate.empty()) make_folder(options.annotate, "choose another folder with --annotate");
  if (!options.show_input.empty()) {
    make_folder(options.show_input, "choose another folder with --show-input");
    tell_older_pictures(options.show_input, context.log);
  }
  auto model = load_model(options.model, context.log);
  name_classes(model, options.model, options.classes, context.log);
  if (options.multi && model.recipe.preprocessing.kind == Preprocessing::Kind::photo) {
    throw usage_error(fmt::format("--multi reads digits, but {} is a model for photos", quoted(options.model)),
                      "omit --multi, or give a model for digits with --model");
  }
  warn_of_no_effect(options, model, context.log);
  const Classifier classifier(model, device.device, options.top_k);
  std::int64_t failures = 0;
  if (options.test_item) {
    infer_test_item(options, model, classifier, results, context.log);
  } else {
    const std::int64_t usual = std::min<std::int64_t>(64, model.info->training.test_batch_size);
    try {
      failures = infer_images(options, classifier, context, signals, options.batch_size.value_or(usual), results);
    } catch (const Stopped&) {
      results.keep_part(context.log);
      throw;
    }
  }
  const bool written = results.finish();
  if (!options.output.empty() && !is_stream(options.output)) {
    if (written) {
      context.log.info("results: {}", quoted(options.output));
    } else {
      context.log.warn("no image has an answer; {} is not written", quoted(options.output));
    }
  }
  return failures == 0 ? 0 : static_cast<int>(ErrorKind::data);
}

int run_infer(const InferOptions& options, const Context& context) {
  check_options(options, context.log);
  for (const auto& input : {options.model, options.classes, options.files_from}) check_not_same(options.output, input);
  check_not_same(options.save_image, options.model);
  keep_freed_memory();
  const SpinControl spin(set_threads(wanted_threads(options.threads)));
  warn_of_threads(options.threads, context.log);
  const auto device = select_device(options.device);
  // Log the device only if a GPU was expected.
  tell_device(device, device.note.empty() ? spdlog::level::debug : spdlog::level::info, context.log);
  const StopSignals signals;
  try {
    return infer(options, device, signals, context);
  } catch (const Stopped&) {
    if (!options.output.empty() && !is_stream(options.output)) {
      context.log.warn("{} is not written", quoted(options.output));
    }
    return signals.exit_code();
  }
}

}  // namespace

Command add_infer(CLI::App& root) {
  CLI::App* app = root.add_subcommand("infer", "Classify images: files, folders of them, or an item of a test set");
  const std::shared_ptr<const InferOptions> options = add_infer_options(*app);
  return {app, [options](const Context& context) { return run_infer(*options, context); }};
}

}  // namespace mnist::cli
