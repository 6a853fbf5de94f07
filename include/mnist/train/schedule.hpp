// The learning rate as a pure function of the epoch: nothing to save, nothing to step.
#pragma once

#include <cstdint>

namespace mnist {

struct Schedule {
  double lr = 1;               // of the first epoch
  double gamma = 1;            // factor
  std::int64_t step_size = 0;  // epochs between two multiplications by gamma; 0: never
};

// torch.optim.lr_scheduler.StepLR: lr * gamma ^ floor((epoch - 1) / step_size). Epochs count from 1.
double learning_rate(const Schedule& schedule, std::int64_t epoch);

}  // namespace mnist
