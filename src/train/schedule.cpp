#include "mnist/train/schedule.hpp"

#include <cmath>

namespace mnist {

double learning_rate(const Schedule& schedule, std::int64_t epoch) {
  if (schedule.step_size == 0) return schedule.lr;
  const std::int64_t multiplications = (epoch - 1) / schedule.step_size;
  return schedule.lr * std::pow(schedule.gamma, static_cast<double>(multiplications));
}

}  // namespace mnist
