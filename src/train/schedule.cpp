#include "mnist/train/schedule.hpp"

#include <cmath>
#include <numbers>

namespace mnist {
namespace {

// From `begin` to `end` on half a cosine; `part` in [0, 1].
double annealed(double begin, double end, double part) {
  return end + (begin - end) / 2 * (1 + std::cos(std::numbers::pi * part));
}

double one_cycle(double highest, double part) {
  constexpr double kRise = 0.3;
  const double first = highest / 25;
  const double last = first / 1e4;
  return part < kRise ? annealed(first, highest, part / kRise) : annealed(highest, last, (part - kRise) / (1 - kRise));
}

}  // namespace

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"step", "one-cycle"};
  return names;
}

double learning_rate(const Schedule& schedule, std::int64_t epoch, double done) {
  if (schedule.name == "one-cycle") {
    return one_cycle(schedule.lr, (static_cast<double>(epoch - 1) + done) / static_cast<double>(schedule.epochs));
  }
  if (schedule.step_size == 0) return schedule.lr;
  const std::int64_t multiplications = (epoch - 1) / schedule.step_size;
  return schedule.lr * std::pow(schedule.gamma, static_cast<double>(multiplications));
}

}  // namespace mnist
