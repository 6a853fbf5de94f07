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

}  // namespace

struct PictureRun::Picture {
  std::filesystem::path path;
  torch::Tensor input;         // ready for the classifier; undefined if it could not be read, or was not
  std::optional<Error> error;  // then why
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
        pictures[i].input = prepare_file(files[i], classifier_.preprocessing(), options_.invert, memory_);
      } catch (const std::exception& exception) {
        pictures[i].error = picture_error(files[i], exception);
      }
    }
  });
  return pictures;
}

// One at a time if they cannot be classified together, to find the one that is to blame.
void PictureRun::classify(std::span<const Picture> pictures) {
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
    if (!tops[i].empty()) text += infer_result(options_.form, {path, std::nullopt, tops[i]});
  }
  options_.write(text);
  for (std::size_t i = 0; i < tops.size(); ++i) {
    if (tops[i].empty()) {
      fail(not_finite(options_.model, quoted(pictures[i].path)));
    } else if (!options_.annotate.empty()) {
      check_stop();
      draw(pictures[i].path, tops[i]);
    }
  }
}

void PictureRun::draw(const std::filesystem::path& image, const std::vector<ClassProbability>& top) {
  try {
    annotate(annotated_path(options_.annotate, options_.model, image), image, top, memory_);
  } catch (const std::exception& exception) {
    fail(picture_error(image, exception));
  }
}

}  // namespace mnist::cli
