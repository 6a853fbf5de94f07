#include "picture_run.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/types.h>

#include "mnist/core/files.hpp"
#include "mnist/core/input_file.hpp"
#include "mnist/core/text.hpp"
#include "mnist/format/image.hpp"
#include "mnist/report/progress.hpp"

#include "annotate.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

// The error for one picture; the other pictures are still processed.
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

}  // namespace

struct PictureRun::Picture {
  std::filesystem::path path;
  std::filesystem::path drawing;             // path of the drawing; empty: none
  std::filesystem::path input_name;          // of --show-input
  std::optional<std::string> annotated;      // as `Prediction` has it
  std::unique_ptr<InputFile> stream;         // kept for drawing if it cannot be opened again
  std::vector<FoundItem> found;              // inputs for the network
  PictureNote note = PictureNote::none;      // as `FoundItems` has it
  std::string reason;                        // why there are no inputs; empty if there are
  std::vector<DigitPrediction> predictions;  // of each found item, in order
  std::optional<Error> error;                // why it could not be read

  bool is_finite() const {
    return std::none_of(predictions.begin(), predictions.end(),
                        [](const DigitPrediction& digit) { return digit.prediction.top.empty(); });
  }
  // The prediction of a picture with one answer.
  Prediction prediction() const {
    Prediction whole =
        predictions.empty() ? Prediction{path.string(), std::nullopt, {}, reason} : predictions.front().prediction;
    whole.annotated = annotated;
    return whole;
  }
};

PictureRun::PictureRun(PictureRunOptions options, const Classifier& classifier, const Context& context,
                       const StopSignals& signals)
    : options_(std::move(options)),
      classifier_(classifier),
      context_(context),
      signals_(signals),
      memory_(at::get_num_threads()) {}

void PictureRun::fail(const Error& error) {
  context_.status->interrupt([&] { print_error(error, context_.color_err, &context_.log); });
  ++failures_;
}

void PictureRun::answer(const PictureFiles& files) {
  const auto top_k = static_cast<std::size_t>(classifier_.top_k());
  const bool annotated = !files.annotated.empty();
  options_.write(options_.multi ? digits_header(options_.form, top_k, annotated)
                                : infer_header(options_.form, /*test_item=*/false, top_k, annotated));
  count_ = files.images.size();
  std::optional<CountLine> line;
  if (count_ > 1) line.emplace(*context_.status, "classifying");
  for (done_ = 0; done_ < count_;) {
    if (line) line->count(static_cast<std::int64_t>(done_), static_cast<std::int64_t>(count_));
    const std::size_t end = done_ + std::min(options_.batch_size, count_ - done_);
    auto decoded = decode(files, done_, end);
    check_stop();
    std::vector<Picture> pictures;
    for (Picture& picture : decoded) {
      if (picture.error) {
        fail(*picture.error);
      } else {
        pictures.push_back(std::move(picture));
      }
    }
    if (!pictures.empty()) classify(pictures);
    done_ = end;
  }
}

void PictureRun::tell_written() const {
  if (!options_.annotate.empty()) {
    context_.log.info("{} drawn to {}", counted(drawn_, "picture"), quoted(options_.annotate));
  }
  if (!options_.show_input.empty()) {
    context_.log.info("{} of the network written to {}", counted(inputs_, "input"), quoted(options_.show_input));
  }
}

void PictureRun::check_stop() const {
  if (signals_.received() == 0) return;
  const auto number = [](std::size_t value) { return with_thousands(static_cast<std::int64_t>(value)); };
  context_.log.warn("stopped by {} after {} of {} images", signals_.name(), number(done_), number(count_));
  throw Stopped();
}

// Decodes on all threads: decoding takes longer than a small network, which then uses all of them. After a signal, the
// rest is skipped.
std::vector<PictureRun::Picture> PictureRun::decode(const PictureFiles& files, std::size_t begin, std::size_t end) {
  std::vector<Picture> pictures(end - begin);
  at::parallel_for(0, static_cast<std::int64_t>(pictures.size()), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      if (signals_.received() != 0) return;
      Picture& picture = pictures[i];
      picture.path = files.images[begin + i];
      if (!files.annotated.empty()) picture.drawing = files.annotated[begin + i];
      if (!files.inputs.empty()) picture.input_name = files.inputs[begin + i];
      try {
        read(picture);
      } catch (const Stopped&) {
        return;  // the signal is checked after all threads are done
      } catch (const std::exception& exception) {
        picture.error = picture_error(picture.path, exception);
      }
    }
  });
  return pictures;
}

void PictureRun::read(Picture& picture) {
  auto file = std::make_unique<InputFile>(picture.path, "image");
  auto found = find_items(*file, classifier_.preprocessing(), options_.invert, memory_);
  picture.found = std::move(found.items);
  picture.note = found.note;
  if (!picture.drawing.empty() && file->is_copy()) picture.stream = std::move(file);
  if (options_.multi || picture.found.size() == 1) return;
  picture.reason = reason_for(picture.found.size());
  picture.found.clear();
}

// If classifying a batch fails, classify its images one at a time, to find the cause.
void PictureRun::classify(std::span<Picture> pictures) {
  std::vector<std::vector<ClassProbability>> classes;
  try {
    classes = classes_of(pictures);
  } catch (const std::exception& exception) {
    if (pictures.size() == 1) return fail(picture_error(pictures.front().path, exception));
    for (Picture& picture : pictures) classify({&picture, 1});
    return;
  }
  auto next = classes.begin();
  for (Picture& picture : pictures) {
    for (const FoundItem& item : picture.found) {
      Prediction prediction{picture.path.string(), std::nullopt, std::move(*next++), ""};
      picture.predictions.push_back({if_sure(std::move(prediction), options_.min_probability), item.box, item.line});
    }
  }
  write(pictures);
  answers_ += static_cast<std::int64_t>(pictures.size());
}

// All found items in order: a picture can have more items than a batch.
std::vector<std::vector<ClassProbability>> PictureRun::classes_of(std::span<const Picture> pictures) const {
  std::vector<std::vector<ClassProbability>> classes;
  std::vector<torch::Tensor> inputs;
  const auto ask = [&] {
    if (inputs.empty()) return;
    auto answers = classifier_.classify(inputs);
    std::move(answers.begin(), answers.end(), std::back_inserter(classes));
    inputs.clear();
  };
  for (const Picture& picture : pictures) {
    for (const FoundItem& item : picture.found) {
      inputs.push_back(item.input);
      if (inputs.size() == options_.batch_size) ask();
    }
  }
  ask();
  return classes;
}

std::string PictureRun::result_of(const Picture& picture) const {
  const auto top_k = static_cast<std::size_t>(classifier_.top_k());
  if (options_.multi) {
    return digits_result(options_.form, picture.path.string(), picture.predictions, top_k, picture.annotated);
  }
  return infer_result(options_.form, picture.prediction(), top_k);
}

void PictureRun::sum_up(const Picture& picture) const {
  if (!options_.multi) return options_.summary->add(picture.prediction());
  if (picture.predictions.empty()) {
    options_.summary->add({picture.path.string(), std::nullopt, {}, kNothingFound, std::nullopt});
  }
  for (const DigitPrediction& digit : picture.predictions) options_.summary->add(digit.prediction);
}

// Draw first: the results contain the paths.
void PictureRun::write(std::span<Picture> pictures) {
  std::string text;
  for (Picture& picture : pictures) {
    if (!picture.is_finite()) {
      fail(not_finite(options_.model, quoted(picture.path)));
      continue;
    }
    if (!picture.drawing.empty() || !options_.show_input.empty()) check_stop();
    if (!options_.show_input.empty()) show_input(picture);
    if (!picture.drawing.empty()) draw(picture);
    text += result_of(picture);
    if (options_.form == InferForm::json && !is_utf8(picture.path.string())) {
      context_.log.warn("{}: JSON has U+FFFD in place of bytes that are not UTF-8; --format csv has them",
                        quoted(picture.path));
    }
    if (const std::string note = text_of(picture.note); !note.empty()) {
      context_.log.warn("{}: {}", quoted(picture.path), note);
    }
    if (options_.summary != nullptr) sum_up(picture);
  }
  options_.write(text);
}

void PictureRun::draw(Picture& picture) {
  picture.annotated = "";
  try {
    const bool as_digits = options_.multi && !picture.predictions.empty();
    const auto caption = as_digits ? digits_text(picture.predictions) : caption_of(picture.prediction());
    if (!picture.stream) picture.stream = std::make_unique<InputFile>(picture.path, "image");
    annotate(picture.drawing, *picture.stream, caption,
             as_digits ? picture.predictions : std::vector<DigitPrediction>{}, memory_);
    picture.stream.reset();
    picture.annotated = picture.drawing.string();
    ++drawn_;
  } catch (const std::exception& exception) {
    fail(picture_error(picture.path, exception));
  }
}

void PictureRun::show_input(const Picture& picture) {
  try {
    for (std::size_t i = 0; i < picture.found.size(); ++i) {
      const auto digit = picture.found.size() == 1 ? 0 : i + 1;
      write_png(input_path(options_.show_input, picture.input_name, digit), picture.found[i].input.permute({1, 2, 0}));
      ++inputs_;
    }
  } catch (const std::exception& exception) {
    fail(picture_error(picture.path, exception));
  }
}

}  // namespace mnist::cli
