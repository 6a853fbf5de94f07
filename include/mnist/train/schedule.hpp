// The learning rate as a pure function of epoch and step: there is no state to save.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mnist {

enum class ScheduleKind { step, one_cycle, cosine };

struct Schedule {
  double lr = 1;               // the highest rate: step: first epoch; one-cycle: peak; cosine: start
  double gamma = 1;            // step: factor
  std::int64_t step_size = 0;  // step: multiply by gamma every so many epochs; 0: never
  ScheduleKind kind = ScheduleKind::step;
  std::int64_t epochs = 1;  // one-cycle, cosine: epochs of the whole run
  double warmup = 0;        // step, cosine: first epochs, in which the rate rises linearly
};

const std::vector<std::string>& schedule_names();

// Throws a usage `Error` for an unknown name.
ScheduleKind schedule_kind(const std::string& name);

// The learning rate of step `step` (from 0) of an epoch with `steps` steps; `epoch` counts from 1.
//
// step: torch.optim.lr_scheduler.StepLR, lr * gamma ^ floor((epoch - 1) / step_size).
//
// one-cycle: torch.optim.lr_scheduler.OneCycleLR with its defaults, but constant momentum: in the first 30 % of the run
// the rate rises from lr / 25 to lr, then it falls to lr / 250,000, both along half a cosine (L. Smith, N. Topin, arXiv
// 1708.07120).
//
// cosine: torch.optim.lr_scheduler.CosineAnnealingLR per step, from lr to 0 along half a cosine; T_max is the number of
// steps after the warm-up (I. Loshchilov, F. Hutter, arXiv 1608.03983).
//
// Warm-up: the `warmup` epochs are part of the run. If they have n steps, step k (from 0) uses (k + 1) / n of the rate:
// torch's LinearLR with start factor 1 / n over n - 1 steps.
double learning_rate(const Schedule& schedule, std::int64_t epoch, std::int64_t step, std::int64_t steps);

}  // namespace mnist
