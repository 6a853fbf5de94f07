// mnist infer: classifies images, or an item of a test set. Read `run_infer` at the end first.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
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

#include "annotate.hpp"
#include "class_names.hpp"
#include "class_summary.hpp"
#include "classifier.hpp"
#include "command.hpp"
#include "infer_images.hpp"
#include "infer_output.hpp"
#include "load_model.hpp"
#include "open_data.hpp"
#include "options.hpp"
#include "picture_run.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

struct InferOptions {
  std::filesystem::path model = kDefaultModel;
  std::vector<std::filesystem::path> images;
  std::vector<std::filesystem::path> paths;
  std::filesystem::path files_from;
  std::filesystem::path classes;
  std::optional<std::int64_t> test_item;
  std::filesystem::path save_image;
  std::filesystem::path data_dir;
  std::optional<std::string> dataset;
  std::string invert = "auto";
  std::int64_t top_k = 1;
  double min_probability = 0;
  bool multi = false;
  std::string format = "text";
  std::filesystem::path output;
  std::filesystem::path annotate;
  std::filesystem::path show_input;
  std::optional<std::int64_t> show;
  std::optional<std::int64_t> batch_size;
  std::string device = "auto";
  int threads = 0;
  const CLI::App* given = nullptr;  // the parsed command line
};

bool has_option(const InferOptions& options, const char* option) {
  return is_given(*options.given->get_option(option));
}

// The destination of the results: stdout, or --output.
class Results {
 public:
  Results(const std::filesystem::path& output, spdlog::logger& log) {
    if (output.empty()) return;
    prepare_output(output, log);
    output_ = open_output(output);
  }

  void write(const std::string& text) {
    if (output_) {
      output_->write(text);
    } else {
      print(text);
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
  bool is_discarded_ = false;
};

// Only one input can be stdin.
void check_stdin(const InferOptions& options) {
  std::vector<std::pair<std::string, std::filesystem::path>> inputs = {
      {"--model", options.model}, {"--classes", options.classes}, {"--files-from", options.files_from}};
  for (const auto* paths : {&options.images, &options.paths}) {
    for (const auto& path : *paths) inputs.emplace_back("--image", path);
  }
  check_one_stdin(inputs);
}

// A picture of the user must not be replaced by results.
void check_output_file(const InferOptions& options) {
  const std::string extension = lower_case(options.output.extension().string());
  if (extension != ".png" && extension != ".jpg" && extension != ".jpeg") return;
  throw usage_error(fmt::format("--output {} has the name of a picture, and gets text", quoted(options.output)),
                    "name a file such as results.tsv; --annotate DIR draws pictures");
}

// Whether the results go to stdout.
bool prints_results(const InferOptions& options) {
  return options.output.empty() || options.output == "-" || options.output == "/dev/stdout";
}

void check_show(const InferOptions& options) {
  if (!options.show) return;
  if (options.test_item) {
    throw usage_error("--show is for images, but --test-item is an item of a data set", "omit --show");
  }
  if (!prints_results(options) || options.format == "text") return;
  throw usage_error(fmt::format("--show prints a table, but --format {} uses stdout", options.format),
                    "write the results to a file: --output FILE");
}

void check_options(const InferOptions& options, spdlog::logger& log) {
  const bool has_images = !options.images.empty() || !options.paths.empty() || !options.files_from.empty();
  check_stdin(options);
  check_show(options);
  if (options.given->get_option("--files-from")->count() > 1) {
    throw usage_error("--files-from is given twice, and only one list is read",
                      "join the lists, as in: cat a.txt b.txt | mnist infer --files-from -");
  }
  if (options.test_item && has_images) {
    throw usage_error("--test-item classifies an item of a data set, and images are given, too", "give one of them");
  }
  if (!options.test_item && !has_images) {
    throw usage_error("there is no image to classify", "give one, as in: mnist infer --image test.png");
  }
  for (const auto& [name, folder] : {std::pair{"--annotate", options.annotate}, {"--show-input", options.show_input}}) {
    if (!options.test_item || folder.empty()) continue;
    throw usage_error(fmt::format("{} is for images, but --test-item is an item of a data set", name),
                      "use --save-image to see the item");
  }
  if (options.test_item && options.multi) {
    throw usage_error("--multi is for images, but --test-item is one digit", "omit --multi");
  }
  if (!options.test_item && !options.save_image.empty()) {
    throw usage_error("--save-image needs --test-item", "add --test-item N");
  }
  check_is_png("--save-image", options.save_image);
  prepare_output(options.save_image, log);
  if (!options.save_image.empty() && options.save_image.lexically_normal() == options.output.lexically_normal()) {
    throw usage_error("--save-image and --output give the same file", "give different files");
  }
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
                        if (!table_only) results.write(text);
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
  name_classes(model, options.model, options.classes);
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
    failures = infer_images(options, classifier, context, signals, options.batch_size.value_or(usual), results);
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
  const auto options = std::make_shared<InferOptions>();
  InferOptions& o = *options;
  o.given = app;
  constexpr std::int64_t kMany = 1'000'000'000;
  app->add_option("--model", o.model, "model file of this program or of a Python program")
      ->type_name("FILE")
      ->default_str(kDefaultModel);
  add_classes(*app, o.classes);
  app->add_option("--image", o.images,
                  "PNG or JPEG file, a folder with such files, or - for stdin; can be given more than once")
      ->type_name("PATH")
      ->take_all();
  app->add_option("PATHS", o.paths, "same as --image")->type_name("PATH")->take_all();
  not_empty(app->add_option("--files-from", o.files_from,
                            "file with further images and folders, one per line or each followed by a zero byte "
                            "(find -print0); -: stdin"))
      ->type_name("FILE");
  integer(app->add_option("--test-item", o.test_item, "classify this item of the test set instead"), 0, kMany);
  not_empty(app->add_option("--save-image", o.save_image, "write the test item to this PNG file"))->type_name("FILE");
  add_data_dir(*app, o.data_dir);
  one_of(app->add_option("--dataset", o.dataset, "data set (default: the one the model was trained on)"),
         dataset_names());
  one_of(app->add_option("--invert", o.invert,
                         "invert dark digits on a light background; auto: decide by the sheet they are on, "
                         "else by the border"),
         {"auto", "always", "never"});
  integer(app->add_option("--top-k", o.top_k, "number of classes per picture, most probable first"), 1, 100'000);
  real(app->add_option("--min-probability", o.min_probability, "no answer if no class reaches this probability"), 0, 1);
  add_flag(*app, "--multi", o.multi, "read all digits of a picture, line by line, with their positions");
  add_format(*app, o.format, {"text", "json", "csv"});
  not_empty(app->add_option("--output", o.output, "write the results to this file instead of stdout"))
      ->type_name("FILE");
  integer(app->add_option(
              "--show", o.show,
              "print the number of answers per class instead of one line per image, and for each class this many "
              "images, least certain first"),
          0, 1000);
  not_empty(app->add_option("--annotate", o.annotate, "draw each image with its prediction to this folder"))
      ->type_name("DIR");
  not_empty(app->add_option("--show-input", o.show_input, "write the network's input of each image to this folder"))
      ->type_name("DIR");
  integer(app->add_option("--batch-size", o.batch_size, "images per step (default: 64, of photos 8)"), 1, 1'000'000);
  add_device(*app, o.device);
  add_threads(*app, o.threads);
  return {app, [options](const Context& context) { return run_infer(*options, context); }};
}

}  // namespace mnist::cli
