#include "mnist/report/progress.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "mnist/core/memory.hpp"
#include "mnist/core/signals.hpp"
#include "mnist/core/terminal.hpp"
#include "mnist/core/text.hpp"
#include "mnist/report/gpu_figures.hpp"

namespace mnist {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kRedrawFigures = std::chrono::milliseconds(250);

std::string bar(double fraction, int width) {
  const int inner = width - 2;
  const int full = std::clamp(static_cast<int>(std::lround(fraction * inner)), 0, inner);
  std::string line(static_cast<std::size_t>(full), '=');
  if (full > 0 && full < inner) line.back() = '>';
  line.resize(static_cast<std::size_t>(inner), ' ');
  return fmt::format("[{}]", line);
}

}  // namespace

std::string short_duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  const std::int64_t minutes = whole / 60;
  if (minutes < 60) return fmt::format("{}:{:02}", minutes, whole % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, whole % 60);
}

std::string progress_line(const ProgressFigures& figures, int width) {
  std::string head = fmt::format("epoch {}/{} ", figures.epoch, figures.epochs);
  const std::string percent = fmt::format("{:3.0f} %", 100 * figures.fraction);
  const std::string loss = figures.loss ? fmt::format("  loss {:.3f}", *figures.loss) : "";
  const std::string accuracy = figures.accuracy ? fmt::format("  acc {:.1f} %", 100 * *figures.accuracy) : "";
  const std::string rate = figures.images_per_second >= 0
                               ? fmt::format("  {} images/s", with_thousands(std::llround(figures.images_per_second)))
                               : "";
  const std::string left =
      figures.seconds_left >= 0 ? fmt::format("  {} left", short_duration(figures.seconds_left)) : "";
  const std::string memory = figures.memory.empty() ? "" : "  " + figures.memory;
  constexpr int kShortestBar = 6;
  constexpr int kLongestBar = 32;
  constexpr std::size_t kWord = 6;  // "epoch "
  const std::size_t most_important = head.size() + percent.size() + left.size() + loss.size();
  const auto columns = static_cast<std::size_t>(std::max(width, 0));
  if (most_important > columns && most_important - kWord <= columns) head.erase(0, kWord);
  int room = width - static_cast<int>(head.size() + percent.size());
  // The most important first; words are not split.
  bool fits = true;
  const auto take = [&](const std::string& text) {
    fits = fits && static_cast<int>(text.size()) <= room;
    if (fits) room -= static_cast<int>(text.size());
    return fits ? text : std::string();
  };
  const std::string shown_left = take(left);
  const std::string shown_loss = take(loss);
  const std::string shown_rate = take(rate);
  const std::string shown_accuracy = take(accuracy);
  const bool has_bar = fits && room > kShortestBar;
  // Behind the shortest bar.
  const bool has_memory = has_bar && room - static_cast<int>(memory.size()) > kShortestBar;
  if (has_memory) room -= static_cast<int>(memory.size());
  std::string line = head + (has_bar ? bar(figures.fraction, std::min(room - 1, kLongestBar)) + " " : "") + percent;
  line += shown_loss + shown_accuracy + shown_rate + shown_left + (has_memory ? memory : "");
  line.resize(std::min(line.size(), columns));
  return line;
}

std::string count_line(const std::string& what, std::int64_t done, std::int64_t all, double images_per_second,
                       int width) {
  std::string line = fmt::format("{} {}/{}", what, with_thousands(done), with_thousands(all));
  if (!(images_per_second > 0)) return line;
  const std::string rate = fmt::format("  {} images/s", with_thousands(std::llround(images_per_second)));
  const std::string left =
      fmt::format("  {} left", short_duration(static_cast<double>(all - done) / images_per_second));
  const auto fits = [&](const std::string& more) { return columns_of(line + more) <= static_cast<std::size_t>(width); };
  if (fits(rate + left)) return line + rate + left;
  return fits(left) ? line + left : line;
}

CountLine::CountLine(StatusLine& status, std::string what) : status_(status), what_(std::move(what)) {
  status_.draw(what_);
}

void CountLine::count(std::int64_t done, std::int64_t all) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;  // another thread is drawing
  const auto now = std::chrono::steady_clock::now();
  if (now - drawn_ < kRedraw) return;
  drawn_ = now;
  status_.draw(count_line(what_, done, all, speed_.after(done), status_columns()));
}

ProgressLine::~ProgressLine() {
  const bool has_figures =
      live_ && terminal_width(Stream::err) >= kLiveColumns && terminal_height(Stream::err) >= kLiveRows;
  if (has_figures) {
    status_.leave();
  } else {
    status_.clear();
  }
}

void ProgressLine::restore(const RunRecord& run) {
  if (live_) collector_.restore(run);
}

void ProgressLine::epoch_started(std::int64_t epoch, std::int64_t epochs) {
  // The first batch may be slow.
  figures_.epoch = called(epoch);
  figures_.epochs = called(epochs);
  figures_.fraction = 0;
  figures_.images_per_second = figures_.seconds_left = -1;
  draw(progress_line(figures_, status_columns()));
}

void ProgressLine::batch_done(const BatchReport& report) {
  const auto now = Clock::now();
  count(report, now);
  if (now - drawn_ < (live_ ? kRedrawFigures : kRedraw) && report.batch != report.batches) return;
  drawn_ = now;
  measure(report, now);
  draw(progress_line(figures_, status_columns()));
}

void ProgressLine::count(const BatchReport& report, Clock::time_point now) {
  if (report.epoch != epoch_) {
    epoch_ = report.epoch;
    epoch_start_ = now;
    epoch_items_ = 0;
    epoch_batches_ = 0;
  } else {
    epoch_items_ += report.items;
    ++epoch_batches_;
  }
}

void ProgressLine::measure(const BatchReport& report, Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - epoch_start_).count();
  figures_.epoch = called(report.epoch);
  figures_.epochs = called(report.epochs);
  figures_.fraction = static_cast<double>(report.batch) / static_cast<double>(report.batches);
  figures_.images_per_second = figures_.seconds_left = -1;
  if (epoch_items_ > 0 && seconds > 0) {
    figures_.images_per_second = static_cast<double>(epoch_items_) / seconds;
    const double seconds_per_batch = seconds / static_cast<double>(epoch_batches_);
    const auto batches_left = report.batches - report.batch + (report.epochs - report.epoch) * report.batches;
    figures_.seconds_left = seconds_per_batch * static_cast<double>(batches_left) +
                            test_seconds_ * static_cast<double>(report.epochs - report.epoch + 1);
  }
  if (now - memory_read_ < std::chrono::seconds(1)) return;
  memory_read_ = now;
  if (gpu_) {
    const std::optional<GpuFigures> gpu = gpu_();
    figures_.memory = gpu ? "GPU " + gpu_text(*gpu) : "";
  } else if (const std::optional<std::uint64_t> bytes = resident_memory()) {
    figures_.memory = fmt::format("{} MiB", with_thousands(static_cast<std::int64_t>(*bytes >> 20)));
  }
}

void ProgressLine::draw(const std::string& line) {
  // The program has told that it stops; a last batch does not need its progress.
  if (StopSignals::stop_requested()) return;
  if (!live_) return status_.draw(line);
  const int columns = terminal_width(Stream::err);
  const int rows = terminal_height(Stream::err);
  const std::vector<std::string> lines =
      live_lines(collector_.figures(), line, columns, rows, live_->utf8, first_epoch_);
  if (!lines.empty()) return status_.draw(lines);
  if (!noted_ && live_->note) {
    live_->note(
        fmt::format("--live needs a terminal of {} columns and {} lines, and this one has {} and {}: only the "
                    "progress line is drawn until it is larger",
                    kLiveColumns, kLiveRows, columns, rows));
  }
  noted_ = true;
  status_.draw(line);
}

void ProgressLine::interval(const IntervalReport& report) {
  figures_.loss = report.loss;
  figures_.accuracy = report.accuracy;
  if (live_) collector_.interval(report);
}

void ProgressLine::training_done(const TrainingReport& report) {
  if (live_) collector_.training_done(report);
  draw(fmt::format("epoch {}/{} testing", called(report.epoch), called(report.epochs)));
}

void ProgressLine::testing(const TestingReport& report) {
  const double speed = test_speed_.after(report.done);
  const auto now = Clock::now();
  if (report.done > 0 && now - drawn_ < (live_ ? kRedrawFigures : kRedraw)) return;
  drawn_ = now;
  draw(count_line(fmt::format("epoch {}/{} testing", called(report.epoch), called(report.epochs)), report.done,
                  report.items, speed, status_columns()));
}

void ProgressLine::epoch_done(const EpochReport& report) {
  test_seconds_ = report.test_seconds;
  if (!live_) return status_.clear();
  collector_.epoch_done(report);
  draw(fmt::format("epoch {}/{} done", called(report.train.epoch), called(report.train.epochs)));
}

void ProgressLine::resumed(const TrainingState& state) {
  if (live_) collector_.resumed(state);
}

}  // namespace mnist
