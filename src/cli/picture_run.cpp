#include "picture_run.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/types.h>

#include "mnist/core/files.hpp"
#include "mnist/core/text.hpp"

#include "annotate.hpp"
#include "print.hpp"

namespace mnist::cli {
namespace {

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

// The network's numbers for it, where it was asked.
bool is_finite(const Prediction& prediction) {
  return !prediction.top.empty() || !prediction.reason.empty();
}

}  // namespace

struct PictureRun::Picture {
  std::filesystem::path path;
  std::vector<FoundItem> found;
  std::vector<ClassProbability> top;  // of what is found; none if that is not finite
  std::optional<Error> error;         // why it could not be read
};

PictureRun::PictureRun(PictureRunOptions options, const Classifier& classifier, const Context& context,
                       const StopSignals& signals)
    : options_(std::move(options)),
      classifier_(classifier),
      context_(context),
      signals_(signals),
      memory_(at::get_num_threads()) {}

void PictureRun::fail(const Error& error) {
  print_error(error, context_.color_err, &context_.log);
  ++failures_;
}

void PictureRun::answer(std::span<const std::filesystem::path> files) {
  options_.write(infer_header(options_.form, /*test_item=*/false, static_cast<std::size_t>(classifier_.top_k())));
  count_ = files.size();
  for (done_ = 0; done_ < count_;) {
    const auto batch = files.subspan(done_, std::min(options_.batch_size, count_ - done_));
    auto decoded = decode(batch);
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

void PictureRun::check_stop() const {
  if (signals_.received() == 0) return;
  const auto number = [](std::size_t value) { return with_thousands(static_cast<std::int64_t>(value)); };
  context_.log.warn("stopped by {} after {} of {} images", signals_.name(), number(done_), number(count_));
  throw Stopped();
}

// On all threads: decoding takes longer than a small network does, which then has all of them to itself. After a signal
// the rest is omitted.
std::vector<PictureRun::Picture> PictureRun::decode(std::span<const std::filesystem::path> files) {
  std::vector<Picture> pictures(files.size());
  at::parallel_for(0, static_cast<std::int64_t>(files.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      if (signals_.received() != 0) return;
      pictures[i].path = files[i];
      try {
        pictures[i].found = find_items(files[i], classifier_.preprocessing(), options_.invert, memory_);
      } catch (const std::exception& exception) {
        pictures[i].error = picture_error(files[i], exception);
      }
    }
  });
  return pictures;
}

// One at a time if they cannot be classified together, to find the one that is to blame.
void PictureRun::classify(std::span<Picture> pictures) {
  std::vector<torch::Tensor> inputs;
  for (const Picture& picture : pictures) {
    for (const FoundItem& item : picture.found) inputs.push_back(item.input);
  }
  std::vector<std::vector<ClassProbability>> tops;
  try {
    if (!inputs.empty()) tops = classifier_.classify(inputs);
  } catch (const std::exception& exception) {
    if (pictures.size() == 1) return fail(picture_error(pictures.front().path, exception));
    for (Picture& picture : pictures) classify({&picture, 1});
    return;
  }
  auto next = tops.begin();
  for (Picture& picture : pictures) {
    if (!picture.found.empty()) picture.top = std::move(*next++);
  }
  write(pictures);
}

void PictureRun::write(std::span<const Picture> pictures) {
  const auto top_k = static_cast<std::size_t>(classifier_.top_k());
  std::vector<Prediction> predictions;
  std::string text;
  for (const Picture& picture : pictures) {
    predictions.push_back(
        if_sure({picture.path.string(), std::nullopt, picture.top, picture.found.empty() ? kNothingFound : ""},
                options_.min_probability));
    if (is_finite(predictions.back())) text += infer_result(options_.form, predictions.back(), top_k);
  }
  options_.write(text);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (!is_finite(predictions[i])) {
      fail(not_finite(options_.model, quoted(pictures[i].path)));
    } else if (!options_.annotate.empty()) {
      check_stop();
      draw(pictures[i].path, predictions[i]);
    }
  }
}

void PictureRun::draw(const std::filesystem::path& image, const Prediction& prediction) {
  try {
    annotate(annotated_path(options_.annotate, options_.model, image), image, prediction, memory_);
  } catch (const std::exception& exception) {
    fail(picture_error(image, exception));
  }
}

}  // namespace mnist::cli
