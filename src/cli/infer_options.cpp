#include "infer_options.hpp"

#include <utility>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/output.hpp"
#include "mnist/data/dataset.hpp"

#include "class_names.hpp"
#include "open_data.hpp"
#include "options.hpp"

namespace mnist::cli {
namespace {

// Only one input can be stdin.
void check_stdin(const InferOptions& options) {
  std::vector<std::pair<std::string, std::filesystem::path>> inputs = {
      {"--model", options.model}, {"--classes", options.classes}, {"--files-from", options.files_from}};
  for (const auto* paths : {&options.images, &options.paths}) {
    for (const auto& path : *paths) inputs.emplace_back("--image", path);
  }
  check_one_stdin(inputs);
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

}  // namespace

std::shared_ptr<const InferOptions> add_infer_options(CLI::App& app) {
  const auto options = std::make_shared<InferOptions>();
  InferOptions& o = *options;
  o.given = &app;
  constexpr std::int64_t kMany = 1'000'000'000;
  app.add_option("--model", o.model, "model file of this program or of a Python program")
      ->type_name("FILE")
      ->default_str(kDefaultModel);
  add_classes(app, o.classes);
  app.add_option("--image", o.images,
                 "PNG or JPEG file, a folder with such files, or - for stdin; can be given more than once")
      ->type_name("PATH")
      ->take_all();
  app.add_option("PATHS", o.paths, "same as --image")->type_name("PATH")->take_all();
  not_empty(app.add_option("--files-from", o.files_from,
                           "file with further images and folders, one per line or each followed by a zero byte "
                           "(find -print0); -: stdin"))
      ->type_name("FILE");
  integer(app.add_option("--test-item", o.test_item, "classify this item of the test set instead"), 0, kMany);
  not_empty(app.add_option("--save-image", o.save_image, "write the test item to this PNG file"))->type_name("FILE");
  add_data_dir(app, o.data_dir);
  one_of(app.add_option("--dataset", o.dataset, "data set (default: the one the model was trained on)"),
         dataset_names());
  one_of(app.add_option("--invert", o.invert,
                        "invert dark digits on a light background; auto: decide by the sheet they are on, "
                        "else by the border"),
         {"auto", "always", "never"});
  integer(app.add_option("--top-k", o.top_k, "number of classes per picture, most probable first"), 1, 100'000);
  real(app.add_option("--min-probability", o.min_probability, "no answer if no class reaches this probability"), 0, 1);
  add_flag(app, "--multi", o.multi, "read all digits of a picture, line by line, with their positions");
  add_format(app, o.format, {"text", "json", "csv"})
      ->description(
          "form of the results on stdout; text: two lines for a single picture, otherwise one line per picture: "
          "path, class and probability, separated by tabs");
  not_empty(app.add_option("--output", o.output, "write the results to this file instead of stdout"))
      ->type_name("FILE");
  integer(app.add_option(
              "--show", o.show,
              "print the number of answers per class instead of one line per image, and for each class this many "
              "images, least certain first"),
          0, 1000);
  not_empty(app.add_option("--annotate", o.annotate, "draw each image with its prediction to this folder"))
      ->type_name("DIR");
  not_empty(app.add_option("--show-input", o.show_input, "write the network's input of each image to this folder"))
      ->type_name("DIR");
  integer(app.add_option("--batch-size", o.batch_size, "images per step (default: 64, of photos 8)"), 1, 1'000'000);
  add_device(app, o.device);
  add_threads(app, o.threads);
  return options;
}

bool has_option(const InferOptions& options, const char* option) {
  return is_given(*options.given->get_option(option));
}

bool prints_results(const InferOptions& options) {
  return options.output.empty() || options.output == "-" || options.output == "/dev/stdout";
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
    check_is_folder(name, folder);
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

}  // namespace mnist::cli
