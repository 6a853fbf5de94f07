#include "mnist/train/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "mnist/core/suggest.hpp"

namespace mnist {
namespace {

// Interpolates from `begin` to `end` along half a cosine; `part` in [0, 1].
double annealed(double begin, double end, double part) {
  return end + (begin - end) / 2 * (1 + std::cos(std::numbers::pi * part));
}

// `step` of `steps` of the whole run.
double one_cycle(double highest, double step, double steps) {
  const double first = highest / 25;
  const double last = first / 1e4;
  const double top = 0.3 * steps - 1;
  if (step <= top) return annealed(first, highest, step / top);
  return annealed(highest, last, (step - top) / (steps - 1 - top));
}

}  // namespace

// By `ScheduleKind`.
const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"step", "one-cycle", "cosine"};
  return names;
}

ScheduleKind schedule_kind(const std::string& name) {
  return static_cast<ScheduleKind>(index_of(name, schedule_names(), "schedule"));
}

double learning_rate(const Schedule& schedule, std::int64_t epoch, std::int64_t step, std::int64_t steps) {
  if (schedule.kind == ScheduleKind::one_cycle) {
    return one_cycle(schedule.lr, static_cast<double>((epoch - 1) * steps + step),
                     static_cast<double>(schedule.epochs * steps));
  }
  const auto done = static_cast<double>((epoch - 1) * steps + step);
  const double warmup = std::round(schedule.warmup * static_cast<double>(steps));
  const double rise = std::min(1.0, (done + 1) / std::max(1.0, warmup));
  if (schedule.kind == ScheduleKind::cosine) {
    const double rest = static_cast<double>(schedule.epochs * steps) - warmup;
    return rise * annealed(schedule.lr, 0, std::clamp((done - warmup) / std::max(1.0, rest), 0.0, 1.0));
  }
  if (schedule.step_size == 0) return rise * schedule.lr;
  const std::int64_t multiplications = (epoch - 1) / schedule.step_size;
  return rise * schedule.lr * std::pow(schedule.gamma, static_cast<double>(multiplications));
}

}  // namespace mnist
