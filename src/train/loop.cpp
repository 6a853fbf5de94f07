#include "mnist/train/loop.hpp"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/train/averaged_weights.hpp"
#include "mnist/train/count_speed.hpp"
#include "mnist/train/step.hpp"

namespace mnist {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Limits of the loss; random guesses give log(classes), 2.3 for digits. The loss of a batch, or of a test before
// BatchNorm has settled, may jump and recover, so its limit is high. A high mean over an epoch means that training has
// failed.
constexpr double kLostBatch = 1e6;
constexpr double kLostEpoch = 1e3;

void check_loss(double loss, double most, std::int64_t epoch, const std::string& which) {
  if (std::isfinite(loss) && loss <= most) return;
  throw Error(ErrorKind::diverged, fmt::format("training diverged: the {} of epoch {} is {:g}", which, epoch, loss),
              "try a smaller --lr");
}

// Whether training does not change a parameter or buffer: with features only the head is trained, in evaluation mode,
// so BatchNorm's buffers are constant, too.
bool is_constant(const torch::Tensor& tensor, const TrainingOptions& options) {
  return options.inputs == Inputs::features && !tensor.requires_grad();
}

// Copies to the CPU. Tensors that training does not change are not copied: they share memory with the network or with
// the copy `before`. They are most of the network if only its head is trained.
NamedTensors copy_of(const Network& network, const TrainingOptions& options, const NamedTensors& before) {
  NamedTensors state = state_dict(network);
  for (std::size_t i = 0; i < state.size(); ++i) {
    torch::Tensor& tensor = state[i].second;
    const bool constant = is_constant(tensor, options);
    if (constant && !before.empty()) {
      tensor = before[i].second;
    } else {
      tensor = constant && tensor.is_cpu() ? tensor.detach() : tensor.detach().to(at::kCPU, false, /*copy=*/true);
    }
  }
  return state;
}

void check_weights(const NamedTensors& network, std::int64_t epoch) {
  for (const auto& [name, tensor] : network) {
    if (!tensor.is_floating_point() || std::isfinite(tensor.sum().item<double>())) continue;
    throw Error(ErrorKind::diverged,
                fmt::format("training diverged: in epoch {} the weights {} are not finite", epoch, name),
                "try a smaller --lr");
  }
}

}  // namespace

// The observers of a run and what stops it.
struct Trainer::Watch {
  const std::vector<TrainingObserver*>& observers;
  const StopRequested& stop_requested;
  const CheckpointPolicy& policy;
  Communicator& ranks;

  // Call it on all ranks: whether any rank requests a stop.
  bool stops() const { return ranks.any(stop_requested()); }

  template <class... Parameters, class... Arguments>
  void notify(void (TrainingObserver::*report)(Parameters...), const Arguments&... arguments) const {
    for (TrainingObserver* observer : observers) (observer->*report)(arguments...);
  }
};

bool has_all_epochs(std::int64_t epoch, const BestEpoch& best, std::int64_t epochs, std::int64_t early_stop) {
  return epoch > epochs || (early_stop > 0 && best.epoch > 0 && epoch - 1 - best.epoch >= early_stop);
}

std::vector<torch::Tensor> trainable_parameters(const Network& network) {
  std::vector<torch::Tensor> parameters = network.parameters();
  std::erase_if(parameters, [](const torch::Tensor& parameter) { return !parameter.requires_grad(); });
  return parameters;
}

Trainer::Trainer(Network& network, Batches& train_set, Batches& test_set, const TrainingOptions& options)
    : network_(network),
      train_set_(train_set),
      test_set_(test_set),
      options_(options),
      step_(make_training_step(network, train_set, options)),
      batches_per_epoch_((train_set.size() + options.batch_size - 1) / options.batch_size) {
  if (options.limit_batches > 0) batches_per_epoch_ = std::min(batches_per_epoch_, options.limit_batches);
  std::vector<torch::Tensor> tensors;
  for (const auto& [name, tensor] : state_dict(network)) tensors.push_back(tensor);
  broadcast_from_rank_0(tensors);
  if (options.ema_decay == 0) return;
  NamedTensors changing = state_dict(network);
  std::erase_if(changing, [&](const auto& entry) { return is_constant(entry.second, options_); });
  average_ = std::make_unique<AveragedWeights>(std::move(changing), options.ema_decay);
}

Trainer::~Trainer() = default;

void Trainer::restore(const TrainingState& state) {
  if (state.all_steps != (state.epoch - 1) * batches_per_epoch_ + state.step) {
    throw data_error(
        fmt::format("the checkpoint is of a run with another number of batches per epoch than {}", batches_per_epoch_),
        "resume with the same data and --batch-size");
  }
  load_state_dict(network_, state.network, "the checkpoint");
  step_->optimizer().restore(state.optimizer, state.all_steps);
  if (average_ != nullptr) average_->restore(state.average);
  epoch_ = state.epoch;
  steps_done_ = steps_checked_ = state.step;
  evaluating_ = state.evaluating;
  test_ = state.test;
  best_ = state.best;
  // Share tensors that training does not change, so that they are stored only once.
  for (const auto& [name, own] : state_dict(network_)) {
    const auto best = std::ranges::find(best_.network, name, &NamedTensors::value_type::first);
    if (best != best_.network.end() && own.is_cpu() && is_constant(own, options_)) best->second = own.detach();
  }
  seconds_before_ = state.seconds;
  epoch_seconds_before_ = state.epoch_seconds;
  resumed_ = state;
}

TrainingResult Trainer::run(const std::vector<TrainingObserver*>& observers, const StopRequested& stop_requested,
                            const CheckpointPolicy& policy) {
  const Watch watch{observers, stop_requested, policy, *options_.ranks};
  TrainingResult result;
  const auto work = [&] { result = run_epochs(watch); };
  if (options_.compute.cuda != nullptr) {
    options_.compute.cuda->on_own_stream(options_.compute.device, work);
  } else {
    work();
  }
  return result;
}

TrainingResult Trainer::run_epochs(const Watch& watch) {
  started_ = last_checkpoint_ = epoch_started_ = Clock::now();
  if (resumed_) {
    watch.notify(&TrainingObserver::resumed, *resumed_);
    // Saves changes of this process, such as new options, which would otherwise be lost with it.
    if (watch.ranks.leads()) watch.notify(&TrainingObserver::checkpoint, *resumed_);
  }
  bool stopped = false;
  while (!has_all_epochs(epoch_, best_, options_.epochs, options_.early_stop) && !stopped) {
    EpochReport report;
    stopped = !train_epoch(watch, report.train) || !evaluate_epoch(watch, report);
  }
  if (stopped) emit_checkpoint(watch);
  if (!stopped && average_ != nullptr) average_->swap();
  return {epoch_ - 1, test_, best_, stopped, seconds(), step_->exposed_seconds()};
}

// Starts or continues an epoch. Returns false if the run was stopped.
bool Trainer::train_epoch(const Watch& watch, TrainingReport& report) {
  // Before `epoch_started`, so that an epoch that does not start is not reported; it is reported after a resume.
  if (watch.stops()) return false;
  const bool begins = steps_done_ == 0 && !evaluating_;
  if (begins) watch.notify(&TrainingObserver::epoch_started, epoch_, options_.epochs);
  epoch_started_ = Clock::now();

  const std::int64_t items = train_set_.size();
  EpochPlan plan;
  plan.epoch = epoch_;
  plan.order = options_.shuffle ? epoch_order(items, options_.seed, epoch_) : at::arange(items);
  plan.order =
      own_rows(watch.ranks, plan.order.slice(0, 0, batches_per_epoch_ * options_.batch_size), options_.batch_size);
  plan.before = (epoch_ - 1) * batches_per_epoch_;
  for (std::int64_t step = 0; step < batches_per_epoch_; ++step) {
    plan.rates.push_back(learning_rate(options_.schedule, epoch_, step, batches_per_epoch_));
  }
  step_->start(plan, steps_done_);
  exposed_before_ = step_->exposed_seconds();
  if (resumed_) step_->set_figures(resumed_->losses, resumed_->correct);
  resumed_.reset();
  steps_checked_ = steps_done_;
  CountSpeed speed;
  std::int64_t counted = 0;
  network_.train(options_.inputs == Inputs::images);

  while (steps_done_ < batches_per_epoch_) {
    if (steps_done_ > 0 && watch.stops()) return false;
    const std::int64_t step = steps_done_;
    step_->run(rows_of_step(step));
    if (average_ != nullptr) average_->update(plan.before + step + 1);

    const bool reports = step % options_.log_interval == 0;
    // On a GPU this is a device sync, so it must precede the time measurement.
    if (reports || options_.compute.device.is_cpu()) check_losses(step + 1);
    counted += items_of(step);
    const double images_per_second = speed.after(counted);
    ++steps_done_;
    if (reports) report_interval(watch, step, plan.rates[static_cast<std::size_t>(step)], images_per_second);
    watch.notify(&TrainingObserver::batch_done,
                 BatchReport{epoch_, options_.epochs, steps_done_, batches_per_epoch_, items_of(step)});
    const bool due = (watch.policy.steps > 0 && (plan.before + steps_done_) % watch.policy.steps == 0) ||
                     (watch.policy.seconds > 0 && seconds_since(last_checkpoint_) >= watch.policy.seconds);
    if (due && steps_done_ < batches_per_epoch_) emit_checkpoint(watch);
  }

  check_losses(batches_per_epoch_);
  report = training_report(plan.rates.back(), speed.after(counted));
  check_loss(report.loss, kLostEpoch, called_epoch(), "training loss");
  if (!evaluating_) watch.notify(&TrainingObserver::training_done, report);
  evaluating_ = true;
  epoch_seconds_before_ = report.seconds;
  epoch_started_ = Clock::now();
  return true;
}

// Evaluates the network, or the average of its weights instead.
void Trainer::evaluate_network(const Watch& watch, EpochReport& report) {
  const Clock::time_point start = Clock::now();
  if (average_ != nullptr) average_->swap();
  // In training each rank has its own BatchNorm statistics. The network uses those of rank 0.
  if (options_.inputs == Inputs::images) broadcast_from_rank_0(network_.buffers());
  const auto progress = [&](std::int64_t done, std::int64_t items) {
    watch.notify(&TrainingObserver::testing, TestingReport{epoch_, options_.epochs, done, items});
  };
  report.test = evaluate(network_, test_set_,
                         {.compute = options_.compute,
                          .batch_size = options_.test_batch_size,
                          .limit_batches = options_.limit_batches,
                          .spread = options_.spread_test,
                          .stop_requested = watch.stop_requested,
                          .inputs = options_.inputs,
                          .ranks = options_.ranks,
                          .progress = progress});
  report.test_seconds = seconds_since(start);
  if (!report.test.stopped) {
    check_loss(report.test.loss, kLostBatch, called_epoch(), "test loss");
    if (watch.ranks.leads()) last_network_ = report.network = copy_of(network_, options_, last_network_);
  }
  if (average_ != nullptr) average_->swap();
}

bool Trainer::evaluate_epoch(const Watch& watch, EpochReport& report) {
  evaluate_network(watch, report);
  if (report.test.stopped) return false;

  test_ = report.test;
  report.best = best_.epoch == 0 || test_.accuracy() > best_.test.accuracy();
  if (report.best) best_ = {epoch_, test_, last_network_};
  watch.notify(&TrainingObserver::epoch_done, report);
  const bool ends = has_all_epochs(epoch_ + 1, best_, options_.epochs, options_.early_stop);
  const bool due = ends || (watch.policy.epochs > 0 && epoch_ % watch.policy.epochs == 0) ||
                   (watch.policy.steps > 0 && epoch_ * batches_per_epoch_ % watch.policy.steps == 0) ||
                   (watch.policy.seconds > 0 && seconds_since(last_checkpoint_) >= watch.policy.seconds);
  ++epoch_;
  steps_done_ = 0;
  evaluating_ = false;
  epoch_seconds_before_ = 0;
  epoch_started_ = Clock::now();
  if (due) emit_checkpoint(watch);
  return true;
}

// The loss of the step is checked. One copy from the device, of values that are there by then.
void Trainer::report_interval(const Watch& watch, std::int64_t step, double lr, double images_per_second) {
  const std::int64_t begin = std::max<std::int64_t>(0, step + 1 - options_.log_interval);
  const auto right = step_->correct(begin, step + 1).sum().item<double>();
  std::int64_t items = 0;
  for (std::int64_t i = begin; i <= step; ++i) items += items_of(i);
  watch.notify(
      &TrainingObserver::interval,
      IntervalReport{epoch_, step, batches_per_epoch_, (epoch_ - 1) * batches_per_epoch_ + step, items_of(step),
                     train_set_.size(), last_loss_, lr, images_per_second, right / static_cast<double>(items)});
}

// Checks the losses of steps up to `end` that are not checked yet; needs one device sync.
void Trainer::check_losses(std::int64_t end) {
  if (end <= steps_checked_) return;
  const torch::Tensor losses = step_->losses(steps_checked_, end);
  for (std::int64_t i = 0; i < losses.size(0); ++i) {
    check_loss(losses.const_data_ptr<float>()[i], kLostBatch, called_epoch(),
               fmt::format("loss of batch {}", steps_checked_ + i + 1));
  }
  last_loss_ = static_cast<double>(losses.const_data_ptr<float>()[losses.size(0) - 1]);
  steps_checked_ = end;
}

TrainingReport Trainer::training_report(double lr, double images_per_second) {
  TrainingReport report{.epoch = epoch_, .epochs = options_.epochs, .lr = lr};
  const torch::Tensor losses = step_->losses(0, batches_per_epoch_);
  const torch::Tensor correct = step_->correct(0, batches_per_epoch_);
  for (std::int64_t step = 0; step < batches_per_epoch_; ++step) {
    const std::int64_t count = items_of(step);
    const float loss = losses.const_data_ptr<float>()[step];
    const float right = correct.const_data_ptr<float>()[step];
    report.batch_losses.push_back(loss);
    report.batch_accuracies.push_back(right / static_cast<float>(count));
    report.loss += static_cast<double>(loss) * static_cast<double>(count);
    report.correct += static_cast<std::int64_t>(right);
    report.total += count;
  }
  report.loss /= static_cast<double>(report.total);
  report.seconds = epoch_seconds_before_ + (evaluating_ ? 0 : seconds_since(epoch_started_));
  report.images_per_second = images_per_second;
  report.exposed_seconds = step_->exposed_seconds() - exposed_before_;
  return report;
}

void Trainer::emit_checkpoint(const Watch& watch) {
  if (watch.observers.empty() || !watch.ranks.leads()) return;
  check_losses(steps_done_);
  const TrainingState now = state();
  check_weights(now.network, called_epoch());
  watch.notify(&TrainingObserver::checkpoint, now);
  last_checkpoint_ = Clock::now();
}

TrainingState Trainer::state() const {
  if (resumed_) return *resumed_;  // no step since the resume
  TrainingState state;
  state.epoch = epoch_;
  state.step = steps_done_;
  state.evaluating = evaluating_;
  state.all_steps = (epoch_ - 1) * batches_per_epoch_ + steps_done_;
  const bool is_last = steps_done_ == 0 && !last_network_.empty() && average_ == nullptr;
  state.network = is_last ? last_network_ : copy_of(network_, options_, last_network_);
  state.optimizer = step_->optimizer().state();
  if (average_ != nullptr) state.average = average_->state();
  for (NamedTensors* const tensors : {&state.optimizer, &state.average}) {
    for (auto& [name, tensor] : *tensors) tensor = tensor.to(at::kCPU, /*non_blocking=*/false, /*copy=*/true);
  }
  state.losses = steps_done_ == 0 ? at::empty({0}) : step_->losses(0, steps_done_);
  state.correct = steps_done_ == 0 ? at::empty({0}) : step_->correct(0, steps_done_);
  state.test = test_;
  state.best = best_;
  const bool training = steps_done_ > 0 && !evaluating_;
  state.epoch_seconds = epoch_seconds_before_ + (training ? seconds_since(epoch_started_) : 0);
  state.seconds = seconds();
  return state;
}

std::int64_t Trainer::items_of(std::int64_t step) const {
  return std::min(options_.batch_size, train_set_.size() - step * options_.batch_size);
}

StepRows Trainer::rows_of_step(std::int64_t step) const {
  const std::int64_t items = items_of(step);
  // All batches before the last one are full.
  return {step, items, rows_of(*options_.ranks, items), step * rows_of(*options_.ranks, options_.batch_size).count()};
}

// The tensors must be the same ones, in the same order, on all ranks.
void Trainer::broadcast_from_rank_0(const std::vector<torch::Tensor>& tensors) {
  if (options_.ranks->size() == 1) return;
  const c10::AutoGradMode no_grad(false);
  for (const torch::Tensor& tensor : tensors) {
    torch::Tensor whole = tensor.contiguous();
    options_.ranks->broadcast(whole);
    if (!whole.is_same(tensor)) torch::Tensor(tensor).copy_(whole);
  }
}

double Trainer::seconds() const {
  return seconds_before_ + seconds_since(started_);
}

TrainingResult train(Network& network, Batches& train_set, Batches& test_set, const TrainingOptions& options,
                     const std::vector<TrainingObserver*>& observers, const StopRequested& stop_requested) {
  return Trainer(network, train_set, test_set, options).run(observers, stop_requested);
}

}  // namespace mnist
