#include "mnist/report/progress.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "mnist/core/terminal.hpp"
#include "mnist/core/text.hpp"
#include "mnist/report/gpu_figures.hpp"

namespace mnist {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);

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

std::string progress_line(std::int64_t epoch, std::int64_t epochs, double fraction, double images_per_second,
                          double seconds_left, int width, const std::string& more) {
  const std::string head = fmt::format("epoch {}/{} ", epoch, epochs);
  std::string tail = fmt::format(" {:3.0f} %", 100 * fraction);
  // The remaining time is more important than the speed; words are not split.
  const std::string left = seconds_left >= 0 ? fmt::format("  {} left", short_duration(seconds_left)) : "";
  const std::string rate =
      images_per_second >= 0 ? fmt::format("  {} images/s", with_thousands(std::llround(images_per_second))) : "";
  const std::string rest = more.empty() ? "" : "  " + more;
  constexpr int kShortestBar = 6;
  const auto fits = [&](const std::string& text) {
    return static_cast<int>(head.size() + tail.size() + text.size()) <= width;
  };
  if (!rest.empty() && fits(rate + left + rest + std::string(kShortestBar, ' '))) {
    tail += rate + left + rest;
  } else if (fits(rate + left)) {
    tail += rate + left;
  } else if (fits(left)) {
    tail += left;
  }
  constexpr int kLongestBar = 32;
  const int room = width - static_cast<int>(head.size() + tail.size());
  std::string line = head + (room >= kShortestBar ? bar(fraction, std::min(room, kLongestBar)) : "") + tail;
  line.resize(std::min(line.size(), static_cast<std::size_t>(std::max(width, 0))));
  return line;
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
  status_.draw(fmt::format("{} {}/{}", what_, with_thousands(done), with_thousands(all)));
}

void ProgressLine::batch_done(const BatchReport& report) {
  const auto now = Clock::now();
  if (report.epoch != epoch_) {
    epoch_ = report.epoch;
    epoch_start_ = now;
    epoch_items_ = 0;
    epoch_batches_ = 0;
  } else {
    epoch_items_ += report.items;
    ++epoch_batches_;
  }
  if (now - drawn_ < kRedraw && report.batch != report.batches) return;
  const double seconds = std::chrono::duration<double>(now - epoch_start_).count();
  double rate = -1;
  double left = -1;
  if (epoch_items_ > 0 && seconds > 0) {
    rate = static_cast<double>(epoch_items_) / seconds;
    const double seconds_per_batch = seconds / static_cast<double>(epoch_batches_);
    const auto batches_left = report.batches - report.batch + (report.epochs - report.epoch) * report.batches;
    left = seconds_per_batch * static_cast<double>(batches_left) +
           test_seconds_ * static_cast<double>(report.epochs - report.epoch + 1);
  }
  drawn_ = now;
  if (gpu_ && now - gpu_read_ >= std::chrono::seconds(1)) {
    const std::optional<GpuFigures> figures = gpu_();
    gpu_text_ = figures ? "GPU " + gpu_text(*figures) : "";
    gpu_read_ = now;
  }
  status_.draw(progress_line(called(report.epoch), called(report.epochs),
                             static_cast<double>(report.batch) / static_cast<double>(report.batches), rate, left,
                             terminal_width(Stream::err) - 1, gpu_text_));
}

void ProgressLine::interval(const IntervalReport& /*report*/) {
  drawn_ = {};  // its line has erased this one
}

void ProgressLine::training_done(const TrainingReport& report) {
  status_.draw(fmt::format("epoch {}/{} testing", called(report.epoch), called(report.epochs)));
}

void ProgressLine::epoch_done(const EpochReport& report) {
  test_seconds_ = report.test_seconds;
  status_.clear();
}

}  // namespace mnist
