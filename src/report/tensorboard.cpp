#include "mnist/report/tensorboard.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <functional>
#include <system_error>

#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/core/files.hpp"
#include "mnist/core/process.hpp"
#include "mnist/core/text.hpp"
#include "mnist/report/evaluation_pictures.hpp"
#include "mnist/report/pictures.hpp"

#include "tensorboard_events.hpp"

namespace mnist {
namespace {

constexpr const char* kAccuracy = "test/accuracy";
constexpr const char* kLoss = "test/loss";
constexpr std::string_view kPrefix = "events.out.tfevents.";

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// TensorBoard reads the files of a folder in the order of their names: a new one must be the last, even where the clock
// is behind that of an earlier process.
std::string name_after(const std::filesystem::path& directory) {
  auto seconds = static_cast<std::int64_t>(seconds_since_1970());
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    constexpr std::int64_t kLatest = 9'999'999'999;  // of ten digits
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t earlier = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), earlier);
    if (earlier < kLatest) seconds = std::max(seconds, earlier + 1);
  }
  return fmt::format("{}{:010}.{}.{}", kPrefix, seconds, host_name(), process_id());
}

std::vector<TaggedScalar> gpu_scalars(const GpuFigures& gpu) {
  std::vector<TaggedScalar> scalars = {{"gpu/memory_used_mib", static_cast<double>(gpu.memory_used >> 20U)}};
  if (gpu.utilization) scalars.emplace_back("gpu/utilization_pct", *gpu.utilization);
  if (gpu.temperature) scalars.emplace_back("gpu/temperature_c", *gpu.temperature);
  if (gpu.power) scalars.emplace_back("gpu/power_w", *gpu.power);
  return scalars;
}

}  // namespace

TensorBoardFile::TensorBoardFile(const std::filesystem::path& directory, const Start& start, spdlog::logger& log,
                                 Background& background, GpuReader gpu, FileSystem& files)
    : path_(directory / name_after(directory)),
      log_(log),
      background_(background),
      gpu_(std::move(gpu)),
      files_(files),
      steps_(start.steps) {
  // The figures of an epoch are at its last batch, which must not stay if its evaluation is repeated.
  const std::int64_t step = start.evaluating ? std::max<std::int64_t>(start.steps - 1, 0) : start.steps;
  const EventPlace place = {seconds_since_1970(), step};
  header_ = session_start(place);
  add(experiment_record(place, start.parameters, {kAccuracy, kLoss}) + hyperparameters_record(place, start.parameters));
}

void TensorBoardFile::interval(const IntervalReport& report) {
  steps_ = report.step + 1;
  std::vector<TaggedScalar> scalars = {{"train/loss", report.loss}, {"train/lr", report.lr}};
  if (report.images_per_second > 0) scalars.emplace_back("train/images_per_second", report.images_per_second);
  add(scalars_record({seconds_since_1970(), report.step}, scalars));
}

void TensorBoardFile::epoch_done(const EpochReport& report) {
  const TrainingReport& train = report.train;
  steps_ = train.epoch * std::ssize(train.batch_losses);
  std::vector<TaggedScalar> scalars = {{"train/epoch_loss", train.loss},
                                       {"train/epoch_accuracy", train.accuracy()},
                                       {kLoss, report.test.loss},
                                       {kAccuracy, report.test.accuracy()},
                                       {"epoch", static_cast<double>(train.epoch)},
                                       {"time/train_seconds", train.seconds},
                                       {"time/test_seconds", report.test_seconds}};
  if (const std::optional<GpuFigures> gpu = gpu_ ? gpu_() : std::nullopt) {
    std::ranges::move(gpu_scalars(*gpu), std::back_inserter(scalars));
  }
  add(scalars_record({seconds_since_1970(), std::max<std::int64_t>(steps_ - 1, 0)}, scalars));
}

void TensorBoardFile::picture(const std::string& tag, const std::filesystem::path& png,
                              std::optional<std::int64_t> step) {
  constexpr std::uintmax_t kMostBytes = 64 << 20;
  try {
    add(image_record({seconds_since_1970(), step ? *step : steps_}, tag, read_file(png, "picture", kMostBytes)));
  } catch (const std::exception& error) {
    log_.warn("{}; TensorBoard does not show the picture {}", error.what(), tag);
  }
}

// The drawing functions write files.
void TensorBoardFile::draw(const std::string& tag, const std::function<void(const std::filesystem::path&)>& draw_to) {
  // With the name of a temporary file: the next process removes it if this one is killed.
  const auto number = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  const std::filesystem::path drawn = path_.parent_path() / fmt::format(".mnist-{:016x}.tmp", number);
  try {
    draw_to(drawn);
    picture(tag, drawn);
  } catch (const std::exception& error) {
    log_.warn("{}; TensorBoard does not show the picture {}", error.what(), tag);
  }
  std::error_code ignored;
  std::filesystem::remove(drawn, ignored);
}

void TensorBoardFile::evaluation(const PageEvaluation& evaluation) {
  constexpr std::int64_t kMostClasses = 200;
  if (evaluation.report.classes() <= kMostClasses) {
    draw("test/confusion", [&](const std::filesystem::path& path) {
      draw_confusion(path, evaluation.report.confusion(), evaluation.class_names, title_of(evaluation));
    });
  }
  if (evaluation.mistakes.empty()) return;
  draw("test/mistakes", [&](const std::filesystem::path& path) { draw_mistakes(path, evaluation.mistakes); });
}

void TensorBoardFile::end(bool success) {
  add(hyperparameters_end_record({seconds_since_1970(), steps_}, success));
}

void TensorBoardFile::add(const std::string& records) {
  {
    const std::lock_guard lock(mutex_);
    waiting_ += records;
  }
  // A waiting job that this one replaces would have written the same records.
  background_.post("tensorboard", [this] { write(); });
}

void TensorBoardFile::write() {
  try {
    if (!file_) file_.emplace(path_, 0, header_, log_, files_);
  } catch (const std::exception& error) {
    if (!std::exchange(warned_, true)) log_.warn("{}; the run continues and keeps the records in memory", error.what());
    return;
  }
  std::string records;
  {
    const std::lock_guard lock(mutex_);
    records.swap(waiting_);
  }
  if (!records.empty()) file_->append(records);
}

void TensorBoardFile::finish() {
  write();
  if (file_) return file_->finish();
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty()) {
    log_.warn("{} could not be written: {} bytes for TensorBoard are lost", quoted(path_), waiting_.size());
  }
}

}  // namespace mnist
