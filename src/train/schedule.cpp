#include "mnist/train/schedule.hpp"

#include <cmath>

namespace mnist {

double learning_rate(const Schedule& schedule, std::int64_t epoch) {
  if (schedule.step_size == 0) return schedule.lr;
  return schedule.lr * std::pow(schedule.gamma, static_cast<double>((epoch - 1) / schedule.step_size));
}

}  // namespace mnist
