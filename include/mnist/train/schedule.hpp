// The learning rate as a pure function of how far the run is: nothing to save, nothing to step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mnist {

enum class ScheduleKind { step, one_cycle };

struct Schedule {
  double lr = 1;               // step: of the first epoch; one-cycle: the highest
  double gamma = 1;            // step: factor
  std::int64_t step_size = 0;  // step: epochs between two multiplications by gamma; 0: never
  ScheduleKind kind = ScheduleKind::step;
  std::int64_t epochs = 1;  // one-cycle: of the whole run
};

const std::vector<std::string>& schedule_names();

// Throws a usage `Error` for an unknown name.
ScheduleKind schedule_kind(const std::string& name);

// Of the step that is number `step` of the `steps` of its epoch, counted from 0; epochs count from 1.
// step: torch.optim.lr_scheduler.StepLR, lr * gamma ^ floor((epoch - 1) / step_size).
// one-cycle: torch.optim.lr_scheduler.OneCycleLR with its defaults but a constant momentum: in the first 30 % of the
// run the rate rises from lr / 25 to lr, then it falls to lr / 250,000, both on half a cosine (L. Smith, N. Topin,
// arXiv 1708.07120).
double learning_rate(const Schedule& schedule, std::int64_t epoch, std::int64_t step, std::int64_t steps);

}  // namespace mnist
