// The learning rate as a pure function of how far the run is: nothing to save, nothing to step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mnist {

enum class ScheduleKind { step, one_cycle, cosine };

struct Schedule {
  double lr = 1;               // the highest: of the first epoch, one-cycle's peak, cosine's beginning
  double gamma = 1;            // step: factor
  std::int64_t step_size = 0;  // step: epochs between two multiplications by gamma; 0: never
  ScheduleKind kind = ScheduleKind::step;
  std::int64_t epochs = 1;  // one-cycle, cosine: of the whole run
  double warmup = 0;        // step, cosine: epochs in which the rate rises to that of the schedule
};

const std::vector<std::string>& schedule_names();

// Throws a usage `Error` for an unknown name.
ScheduleKind schedule_kind(const std::string& name);

// Of the step that is number `step` of the `steps` of its epoch, counted from 0; epochs count from 1.
// step: torch.optim.lr_scheduler.StepLR, lr * gamma ^ floor((epoch - 1) / step_size).
// one-cycle: torch.optim.lr_scheduler.OneCycleLR with its defaults but a constant momentum: in the first 30 % of the
// run the rate rises from lr / 25 to lr, then it falls to lr / 250,000, both on half a cosine (L. Smith, N. Topin,
// arXiv 1708.07120).
// cosine: from lr to 0 on half a cosine, step by step: torch.optim.lr_scheduler.CosineAnnealingLR with T_max the steps
// that follow the warm-up (I. Loshchilov, F. Hutter, arXiv 1608.03983).
// In the `warmup` epochs before, which count as epochs of the run, step k of the first n is made with (k + 1) / n of
// the rate: torch's LinearLR with a start factor of 1 / n over n - 1 steps.
double learning_rate(const Schedule& schedule, std::int64_t epoch, std::int64_t step, std::int64_t steps);

}  // namespace mnist
