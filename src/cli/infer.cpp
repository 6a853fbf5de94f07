// mnist infer: classifies images, or an item of a test set.
#include <algorithm>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <torch/types.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/output.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/text.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/data/dataset.hpp"
#include "mnist/data/prepare.hpp"
#include "mnist/device/device.hpp"
#include "mnist/device/runtime.hpp"
#include "mnist/format/image.hpp"

#include "annotate.hpp"
#include "command.hpp"
#include "infer_images.hpp"
#include "infer_output.hpp"
#include "load_model.hpp"
#include "open_data.hpp"
#include "options.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

struct InferOptions {
  std::filesystem::path model = kDefaultModel;
  std::vector<std::filesystem::path> images;
  std::vector<std::filesystem::path> paths;
  std::optional<std::int64_t> test_item;
  std::filesystem::path save_image;
  std::filesystem::path data_dir;
  std::optional<std::string> dataset;
  std::string invert = "auto";
  std::int64_t top_k = 1;
  std::string format = "text";
  std::filesystem::path output;
  std::filesystem::path annotate;
  std::optional<std::int64_t> batch_size;
  std::string device = "auto";
  int threads = 0;
};

// A network, where it runs, and how many classes it is asked for.
class Classifier {
 public:
  Classifier(const LoadedModel& model, const c10::Device& device, std::int64_t top_k)
      : model_(model), device_(device), top_k_(std::min(top_k, static_cast<std::int64_t>(class_names().size()))) {
    model_.network->to(device);
  }

  const Preprocessing& preprocessing() const { return model_.recipe.preprocessing; }
  std::int64_t top_k() const { return top_k_; }

  // `images`: at least one, each uint8 [C, H, W] as `prepare_image` gives them. The likeliest classes of each; none for
  // one for which the network's numbers are not finite.
  std::vector<std::vector<ClassProbability>> classify(const std::vector<torch::Tensor>& images) const {
    const c10::AutoGradMode no_grad(false);
    const auto inputs = normalize(at::stack(images).to(device_), preprocessing());
    const PrecisionScope scope(Precision::fp32, device_);
    const auto logits = model_.network->forward(inputs, Dropout::off());
    const auto all = at::softmax(logits.cpu().to(torch::kFloat64), 1);
    const auto finite = at::isfinite(all).all(1);
    const auto [probabilities, classes] = all.topk(top_k_, 1);
    std::vector<std::vector<ClassProbability>> results;
    for (std::int64_t row = 0; row < classes.size(0); ++row) {
      auto& top = results.emplace_back();
      if (!finite[row].item<bool>()) continue;
      for (std::int64_t rank = 0; rank < top_k_; ++rank) {
        const auto index = classes[row][rank].item<std::int64_t>();
        const auto probability = probabilities[row][rank].item<double>();
        top.push_back({class_names()[static_cast<std::size_t>(index)], index, probability});
      }
    }
    return results;
  }

 private:
  const std::vector<std::string>& class_names() const { return model_.recipe.class_names; }

  const LoadedModel& model_;
  c10::Device device_;
  std::int64_t top_k_;
};

// Where the results go: stdout, or what --output names.
class Results {
 public:
  explicit Results(const std::filesystem::path& output) {
    if (output.empty()) return;
    prepare_output(output);
    output_ = open_output(output);
  }

  void write(const std::string& text) {
    if (output_) {
      output_->write(text);
    } else {
      print(text);
    }
  }

  void finish() {
    if (output_) output_->commit();
  }

 private:
  std::unique_ptr<Output> output_;
};

void check_options(const InferOptions& options) {
  const bool has_images = !options.images.empty() || !options.paths.empty();
  if (options.test_item && has_images) {
    throw usage_error("--test-item classifies an item of a data set, and there are images to classify too",
                      "give one of them");
  }
  if (!options.test_item && !has_images) {
    throw usage_error("there is nothing to classify", "give an image, as in: mnist infer --image test.png");
  }
  if (options.test_item && !options.annotate.empty()) {
    throw usage_error("--annotate is for images, and --test-item is an item of a data set",
                      "use --save-image to see the item");
  }
  if (!options.test_item && !options.save_image.empty()) {
    throw usage_error("--save-image writes the item of --test-item, which is not given", "add --test-item N");
  }
  check_is_png("--save-image", options.save_image);
  prepare_output(options.save_image);
  if (!options.save_image.empty() && options.save_image.lexically_normal() == options.output.lexically_normal()) {
    throw usage_error("--save-image and --output name the same file", "give each its own");
  }
}

Error not_finite(const std::filesystem::path& model, const std::string& input) {
  return data_error(fmt::format("the model {} gives numbers that are not finite for {}", quoted(model), input),
                    "its weights are damaged, or its training diverged: use another model file");
}

InferForm form_of(const InferOptions& options, bool one_picture) {
  if (options.format == "json") return InferForm::json;
  if (options.format == "csv") return InferForm::csv;
  return one_picture ? InferForm::single : InferForm::lines;
}

void infer_test_item(const InferOptions& options, const LoadedModel& model, const Classifier& classifier,
                     Results& results) {
  const std::string name = options.dataset.value_or(dataset_of(model));
  if (name == kFolder) {
    throw usage_error("--test-item takes items of data sets of digits, and the model is one for photos",
                      "give the photo itself: mnist infer --image PHOTO");
  }
  const auto dataset = load_dataset(name, options.data_dir, Split::test);
  const auto number = *options.test_item;
  if (number >= dataset.size()) {
    throw usage_error(fmt::format("--test-item {} is not there: the test set has items 0 to {}", number,
                                  with_thousands(dataset.size() - 1)),
                      "give a number in that range");
  }
  const auto pixels = dataset.images[number].permute({1, 2, 0});
  if (!options.save_image.empty()) write_png(options.save_image, pixels);

  // Items of a data set are as the network knows them; only pictures from elsewhere may need inverting.
  const auto image = prepare_image(pixels, classifier.preprocessing(), Invert::never);
  const auto label = dataset.class_names[static_cast<std::size_t>(dataset.labels[number].item<std::int64_t>())];
  const Prediction prediction{"", TestItem{number, label}, classifier.classify({image}).front()};
  if (prediction.top.empty()) throw not_finite(options.model, fmt::format("test item {}", number));
  const auto form = form_of(options, /*one_picture=*/true);
  results.write(infer_header(form, /*test_item=*/true, prediction.top.size()));
  results.write(infer_result(form, prediction));
}

// What kept one picture from being answered. Whatever it is, the others are answered all the same.
Error picture_error(const std::filesystem::path& path, const std::exception& exception) {
  if (const auto* error = dynamic_cast<const Error*>(&exception)) return *error;
  const std::string reason = first_line(exception.what());
  if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr || reason.find("memory") != std::string::npos) {
    return data_error(fmt::format("not enough memory for image {}", quoted(path)),
                      "use fewer --threads or a smaller --batch-size");
  }
  return data_error(
      fmt::format("image {} cannot be classified: {}", quoted(path), reason),
      "if it opens elsewhere, this is a defect of mnist; please report it with the output of: mnist info");
}

struct Picture {
  std::filesystem::path path;
  torch::Tensor input;         // ready for the classifier; undefined if it could not be read, or was not
  std::optional<Error> error;  // then why
};

// On all threads: decoding takes longer than a small network does, which then has all of them to itself. After a signal
// the rest is omitted.
std::vector<Picture> decode(std::span<const std::filesystem::path> files, const Preprocessing& preprocessing,
                            Invert invert, DecodingMemory& memory, const StopSignals& signals) {
  std::vector<Picture> pictures(files.size());
  at::parallel_for(0, static_cast<std::int64_t>(files.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      if (signals.received() != 0) return;
      pictures[i].path = files[i];
      try {
        pictures[i].input = prepare_file(files[i], preprocessing, invert, memory);
      } catch (const std::exception& exception) {
        pictures[i].error = picture_error(files[i], exception);
      }
    }
  });
  return pictures;
}

// Answers pictures, a batch at a time; tells and counts those that fail. After a signal says how far the work came, and
// throws `Stopped`: the batch that was begun is omitted, so that a line that is written is whole.
class PictureRun {
 public:
  PictureRun(const InferOptions& options, const Classifier& classifier, const Context& context,
             const StopSignals& signals, Results& results, InferForm form)
      : options_(options),
        classifier_(classifier),
        context_(context),
        signals_(signals),
        results_(results),
        form_(form) {}

  std::int64_t failures() const { return failures_; }

  void fail(const Error& error) {
    print_error(error, context_.color_err, &context_.log);
    ++failures_;
  }

  void answer(std::span<const std::filesystem::path> files, std::size_t batch_size) {
    results_.write(infer_header(form_, /*test_item=*/false, static_cast<std::size_t>(classifier_.top_k())));
    count_ = files.size();
    for (done_ = 0; done_ < count_;) {
      const auto batch = files.subspan(done_, std::min(batch_size, count_ - done_));
      auto decoded = decode(batch, classifier_.preprocessing(), invert_, memory_, signals_);
      check_stop();
      std::vector<Picture> pictures;
      for (Picture& picture : decoded) {
        if (picture.error) {
          fail(*picture.error);
        } else {
          pictures.push_back(std::move(picture));
        }
      }
      done_ += batch.size();
      if (!pictures.empty()) classify(pictures);
    }
  }

 private:
  void check_stop() const {
    if (signals_.received() == 0) return;
    const auto number = [](std::size_t value) { return with_thousands(static_cast<std::int64_t>(value)); };
    context_.log.warn("stopped by {} after {} of {} images", signals_.name(), number(done_), number(count_));
    throw Stopped();
  }

  // One at a time if they cannot be classified together, to find the one that is to blame.
  void classify(std::span<const Picture> pictures) {
    std::vector<torch::Tensor> inputs;
    for (const Picture& picture : pictures) inputs.push_back(picture.input);
    std::vector<std::vector<ClassProbability>> tops;
    try {
      tops = classifier_.classify(inputs);
    } catch (const std::exception& exception) {
      if (pictures.size() == 1) return fail(picture_error(pictures.front().path, exception));
      for (const Picture& picture : pictures) classify({&picture, 1});
      return;
    }
    std::string text;
    for (std::size_t i = 0; i < tops.size(); ++i) {
      const std::string path = pictures[i].path.string();
      if (!tops[i].empty()) text += infer_result(form_, {path, std::nullopt, tops[i]});
    }
    results_.write(text);
    for (std::size_t i = 0; i < tops.size(); ++i) {
      if (tops[i].empty()) {
        fail(not_finite(options_.model, quoted(pictures[i].path)));
      } else if (!options_.annotate.empty()) {
        check_stop();
        draw(pictures[i].path, tops[i]);
      }
    }
  }

  void draw(const std::filesystem::path& image, const std::vector<ClassProbability>& top) {
    try {
      annotate(annotated_path(options_.annotate, options_.model, image), image, top, memory_);
    } catch (const std::exception& exception) {
      fail(picture_error(image, exception));
    }
  }

  const InferOptions& options_;
  const Classifier& classifier_;
  const Context& context_;
  const StopSignals& signals_;
  Results& results_;
  InferForm form_;
  Invert invert_ = invert_from_name(options_.invert);
  DecodingMemory memory_{at::get_num_threads()};
  std::size_t count_ = 0;
  std::size_t done_ = 0;
  std::int64_t failures_ = 0;
};

// The number of paths and images that could not be answered. Throws `Stopped` after a signal.
std::int64_t infer_images(const InferOptions& options, const Classifier& classifier, const Context& context,
                          const StopSignals& signals, std::int64_t batch_size, Results& results) {
  auto paths = options.images;
  paths.insert(paths.end(), options.paths.begin(), options.paths.end());
  std::error_code ignored;
  const bool one_picture = paths.size() == 1 && !std::filesystem::is_directory(paths.front(), ignored);
  PictureRun run(options, classifier, context, signals, results, form_of(options, one_picture));
  std::vector<std::filesystem::path> files;
  for (const auto& path : paths) {
    const FoundImages found = find_images(path);
    files.insert(files.end(), found.images.begin(), found.images.end());
    warn_of_ignored(path, found.ignored, context.log);
    for (const Error& error : found.unreadable) run.fail(error);
  }
  for (const auto& file : files) check_not_same(options.output, file);

  run.answer(files, static_cast<std::size_t>(batch_size));
  return run.failures();
}

// The exit code. Throws `Stopped`.
int infer(const InferOptions& options, const DeviceChoice& device, const StopSignals& signals, const Context& context) {
  // Before the work, so that a place that cannot be written is told of at once.
  Results results(options.output);
  if (!options.annotate.empty()) make_folder(options.annotate, "name another with --annotate");
  const auto model = load_model(options.model, context.log);
  const Classifier classifier(model, device.device, options.top_k);
  std::int64_t failures = 0;
  if (options.test_item) {
    infer_test_item(options, model, classifier, results);
  } else {
    const std::int64_t usual = std::min<std::int64_t>(64, model.info->training.test_batch_size);
    failures = infer_images(options, classifier, context, signals, options.batch_size.value_or(usual), results);
  }
  results.finish();
  if (!options.output.empty()) context.log.info("results: {}", quoted(options.output));
  return failures == 0 ? 0 : static_cast<int>(ErrorKind::data);
}

int run_infer(const InferOptions& options, const Context& context) {
  check_options(options);
  check_not_same(options.output, options.model);
  check_not_same(options.save_image, options.model);
  keep_freed_memory();
  set_threads(wanted_threads(options.threads));
  const auto device = select_device(options.device);
  // Worth a line only where a GPU was hoped for.
  context.log.log(device.note.empty() ? spdlog::level::debug : spdlog::level::info, "device: {}{}", device.description,
                  device.note.empty() ? "" : "; " + device.note);
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
  constexpr std::int64_t kMany = 1'000'000'000;
  app->add_option("--model", o.model, "model file, of this program or of a Python one")
      ->type_name("FILE")
      ->default_str(kDefaultModel);
  app->add_option("--image", o.images, "PNG or JPEG file, or a folder with such files; can be given more than once")
      ->type_name("PATH")
      ->take_all();
  app->add_option("PATHS", o.paths, "the same as --image")->type_name("PATH")->take_all();
  integer(app->add_option("--test-item", o.test_item, "classify this item of the test set instead"), 0, kMany);
  not_empty(app->add_option("--save-image", o.save_image, "write the test item to this file, as PNG"))
      ->type_name("FILE");
  add_data_dir(*app, o.data_dir);
  one_of(app->add_option("--dataset", o.dataset, "data set (default: the one the model was trained on)"),
         dataset_names());
  one_of(app->add_option("--invert", o.invert, "dark digits on a light ground to light ones; auto: by the border"),
         {"auto", "always", "never"});
  integer(app->add_option("--top-k", o.top_k, "classes a picture, the likeliest first"), 1, 100'000);
  add_format(*app, o.format, {"text", "json", "csv"});
  not_empty(app->add_option("--output", o.output, "write the results to this file instead of stdout"))
      ->type_name("FILE");
  not_empty(app->add_option("--annotate", o.annotate, "draw each image with its prediction into this folder"))
      ->type_name("DIR");
  integer(app->add_option("--batch-size", o.batch_size, "images a step (default: 64, of photos 8)"), 1, 1'000'000);
  add_device(*app, o.device);
  add_threads(*app, o.threads);
  return {app, [options](const Context& context) { return run_infer(*options, context); }};
}

}  // namespace mnist::cli
