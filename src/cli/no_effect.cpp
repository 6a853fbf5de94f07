#include "no_effect.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "options.hpp"

namespace mnist::cli {
namespace {

struct Case {
  const char* option;
  bool unused;  // its value has no effect
  const char* why;
  const char* what = "has no effect";
};

bool is_argument(const std::vector<std::string>& arguments, const std::string& option) {
  return std::ranges::any_of(arguments,
                             [&](const std::string& one) { return one == option || one.starts_with(option + "="); });
}

std::vector<Case> cases_of(const Plan& plan, const std::vector<std::string>& arguments, bool draws) {
  const TrainOptions& o = plan.options;
  const TrainOptions defaults;
  const bool photos = plan.info.preprocessing.kind == Preprocessing::Kind::photo;
  const bool steps = plan.training.schedule.kind == ScheduleKind::step;
  const bool one_cycle = plan.training.schedule.kind == ScheduleKind::one_cycle;
  const bool sgd = plan.training.optimizer.kind == OptimizerKind::sgd;
  // A run's own config.toml has all options, also those that nobody chose.
  const auto chosen = [&](const char* option, double value, double network_default) {
    return value != network_default || is_argument(arguments, option);
  };
  const TrainingDefaults& usual = plan.info.training;
  const bool step_size = o.recipe.step_size != 0 && chosen("--step-size", static_cast<double>(o.recipe.step_size),
                                                           static_cast<double>(usual.step_size));
  const bool gamma = o.recipe.gamma != 1 && chosen("--gamma", o.recipe.gamma, usual.gamma);
  const bool chosen_interval = o.log_interval != defaults.log_interval || is_argument(arguments, "--log-interval");
  constexpr const char* kStepOnly = "only --schedule step uses it";
  constexpr const char* kDryRun = "a dry run writes no model";
  constexpr const char* kPhotosOnly = "it is for networks that take photos";
  return {
      {"--momentum", !sgd && o.recipe.momentum != 0, "only --optimizer sgd uses it"},
      {"--step-size", !steps && step_size, kStepOnly},
      {"--gamma", !steps && gamma, kStepOnly},
      {"--gamma", steps && o.recipe.step_size == 0 && o.recipe.gamma != 1, "--step-size is 0"},
      {"--warmup-epochs", one_cycle && o.warmup_epochs != 0, "one-cycle has its own warm-up"},
      {"--step-size", steps && o.recipe.step_size >= o.recipe.epochs && is_argument(arguments, "--step-size"),
       "the run has no more epochs than that"},
      {"--lr", o.recipe.lr == 0, "no weight changes", "is 0"},
      {"--output", o.dry_run && is_argument(arguments, "--output"), kDryRun},
      {"--overwrite", o.dry_run && o.overwrite, kDryRun},
      {"--calibrate", o.dry_run && o.data.calibrate.value_or(0) != 0, kDryRun},
      {"--warmup-epochs", !one_cycle && o.warmup_epochs >= static_cast<double>(o.recipe.epochs),
       "the learning rate does not reach --lr", "covers all epochs"},
      {"--label-smoothing", o.label_smoothing == 1, "the targets contain nothing to learn", "is 1"},
      {"--early-stop", o.early_stop > 0 && o.early_stop >= o.recipe.epochs - 1,
       is_argument(arguments, "--keep-best") ? "it has too few epochs"
                                             : "it has too few epochs; the option only selects --keep-best on",
       "cannot stop the run"},
      {"--augment", !photos && (o.augment != defaults.augment || is_argument(arguments, "--augment")),
       "digits are neither cropped nor flipped; --rotate turns them"},
      {"--rotate", photos && o.rotate != 0, "it rotates digits; --augment on crops and flips photos"},
      {"--calibrate", o.recipe.dataset == kFolder && o.data.calibrate.value_or(0) != 0,
       "the validation pictures are used for calibration"},
      {"--cache-mb", !photos && o.data.cache_mb != defaults.data.cache_mb, kPhotosOnly},
      {"--bad-images", o.recipe.dataset != kFolder && o.data.bad_images != defaults.data.bad_images,
       "it is for picture files"},
      {"--cuda-graphs", !plan.device.device.is_cuda() && o.cuda_graphs != defaults.cuda_graphs,
       "the run is not on an NVIDIA GPU"},
      {"--log-interval", plan.info.prints_phases && !o.verbose && chosen_interval,
       "this network prints a line per epoch and phase; the interval is that of metrics.csv and of --verbose",
       "prints no more lines"},
      {"--tensorboard", o.tensorboard && o.dry_run, "a dry run writes no event file"},
      {"--timeout", plan.training.ranks->size() == 1 && o.timeout != defaults.timeout, "there is only one process"},
      {"--live", o.live && !draws,
       "it needs a terminal that understands escape sequences, and stdout must not be a pipe"},
  };
}

}  // namespace

std::vector<std::string> options_without_effect(const CLI::App& given, const Plan& plan,
                                                const std::vector<std::string>& arguments, bool draws) {
  std::vector<std::string> sentences;
  for (const Case& one : cases_of(plan, arguments, draws)) {
    if (!one.unused || !is_given(*given.get_option(one.option))) continue;
    sentences.push_back(fmt::format("{} {}: {}", one.option, one.what, one.why));
  }
  return sentences;
}

}  // namespace mnist::cli
