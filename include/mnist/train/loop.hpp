// The training loop: epochs of batches, with an evaluation after each epoch. To understand it, read
// `src/train/loop.cpp` from top to bottom, then `src/train/step.cpp`.
//
// Everything random (order of items, dropout) is a pure function of (seed, epoch, step, row in the batch). So the same
// options, machine, number of threads and number of processes give the same weights, even if the run is stopped and
// resumed several times.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mnist/data/batches.hpp"
#include "mnist/distributed/communicator.hpp"
#include "mnist/model/network.hpp"
#include "mnist/train/compute.hpp"
#include "mnist/train/evaluate.hpp"
#include "mnist/train/observer.hpp"
#include "mnist/train/optimizer.hpp"
#include "mnist/train/schedule.hpp"
#include "mnist/train/training_state.hpp"

namespace mnist {

class AveragedWeights;
class TrainingStep;
struct StepRows;

struct TrainingOptions {
  std::int64_t epochs = 1;
  std::int64_t batch_size = 64;  // the last batch of an epoch may be smaller
  std::int64_t test_batch_size = 1000;
  std::int64_t log_interval = 10;  // batches
  std::int64_t limit_batches = 0;  // training and test batches per epoch; 0: all
  bool spread_test = false;        // `EvaluationOptions::spread`
  std::uint64_t seed = 1;
  OptimizerOptions optimizer;
  Schedule schedule;
  // Weight of each class in a batch's mean loss, as in torch.nn.CrossEntropyLoss(weight): the weighted sum of the whole
  // batch divided by the sum of its weights. Empty: all classes weigh the same. Else
  // one finite weight of at least 0 per class, not all 0. Not supported with `compute.cuda`.
  std::vector<double> class_weights;
  double label_smoothing = 0;   // `training_loss`
  double clip_grad_norm = 0;    // `Optimizer::clip_gradients`; 0: off
  double ema_decay = 0;         // `AveragedWeights`: evaluated, and the network at the end; 0: off
  std::int64_t early_stop = 0;  // end after so many epochs without better test accuracy; 0: never
  bool shuffle = true;          // a new order every epoch; else the order of the data set
  // features: the network stays in evaluation mode (BatchNorm's statistics are constant) and only its head is trained.
  Inputs inputs = Inputs::images;
  Compute compute;
  bool cuda_graphs = true;  // with `compute.cuda`: record a step as a CUDA graph and replay it
  // The processes that train this run together. Each one computes its rows of every batch, so order, randomness and
  // updates do not depend on their number.
  std::shared_ptr<Communicator> ranks = single_process();
  std::int64_t first_epoch = 1;  // number of the first epoch in messages: the same as in the printed lines
  // Receives one sentence whenever the run falls back to something else.
  std::function<void(const std::string&)> note = [](const std::string& /*sentence*/) {};
};

struct TrainingResult {
  std::int64_t epochs = 0;  // finished ones
  Evaluation test;          // after the last finished one
  BestEpoch best;
  bool stopped = false;  // by `stop_requested`
  double seconds = 0;    // of the whole run, including the processes before a resume
  // Seconds that this process waited for gradients of other ranks after backward passes.
  double exposed_seconds = 0;
};

// When a run passes its state to the observers, in addition to its end or a stop. 0: not for this reason.
struct CheckpointPolicy {
  std::int64_t epochs = 0;  // every so many epochs
  std::int64_t steps = 0;   // every so many steps of the run
  double seconds = 0;       // after the first step that ends so many seconds after the last checkpoint
};

// Whether a run that would continue with epoch `epoch` is complete: all `epochs` are done, or the best one is
// `early_stop` epochs ago.
bool has_all_epochs(std::int64_t epoch, const BestEpoch& best, std::int64_t epochs, std::int64_t early_stop);

// The parameters that require gradients.
std::vector<torch::Tensor> trainable_parameters(const Network& network);

// Called between two steps and between two batches of an evaluation; if it returns true, the run stops there.
using StopRequested = std::function<bool()>;

// Trains the parameters of a network that require gradients, in place.
class Trainer {
 public:
  // Keeps references: all arguments must outlive the trainer. All ranks start with the parameters and buffers of rank
  // 0.
  Trainer(Network& network, Batches& train_set, Batches& test_set, const TrainingOptions& options);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // Call it before `run` to continue from `state`, which must be from a run with the same options. Throws a data
  // `Error` if it does not fit the network, the optimizer or the number of batches.
  void restore(const TrainingState& state);

  // Call it on all ranks. Only observers of rank 0 get states and networks. Throws an `Error` of kind diverged if a
  // loss is not finite or absurdly high, or a weight is not finite. The observers get no state then, so the last
  // checkpoint stays good.
  TrainingResult run(const std::vector<TrainingObserver*>& observers, const StopRequested& stop_requested,
                     const CheckpointPolicy& policy = {});

 private:
  struct Watch;

  TrainingResult run_epochs(const Watch& watch);
  bool train_epoch(const Watch& watch, TrainingReport& report);
  bool evaluate_epoch(const Watch& watch, EpochReport& report);
  void report_interval(const Watch& watch, std::int64_t step, double lr, double images_per_second);
  void check_losses(std::int64_t end);
  TrainingReport training_report(double lr, double images_per_second);
  void evaluate_network(const Watch& watch, EpochReport& report);
  void broadcast_from_rank_0(const std::vector<torch::Tensor>& tensors);
  void emit_checkpoint(const Watch& watch);
  TrainingState state() const;
  std::int64_t items_of(std::int64_t step) const;
  StepRows rows_of_step(std::int64_t step) const;
  double seconds() const;
  std::int64_t called_epoch() const { return epoch_ - 1 + options_.first_epoch; }

  Network& network_;
  Batches& train_set_;
  Batches& test_set_;
  const TrainingOptions& options_;
  std::unique_ptr<TrainingStep> step_;
  std::unique_ptr<AveragedWeights> average_;  // nullptr: the network's own weights are evaluated
  std::int64_t batches_per_epoch_;

  // The position in the run; see `TrainingState`.
  std::int64_t epoch_ = 1;
  std::int64_t steps_done_ = 0;
  bool evaluating_ = false;
  Evaluation test_;
  BestEpoch best_;
  NamedTensors last_network_;  // the network after the last epoch that this process has finished

  std::int64_t steps_checked_ = 0;        // steps of this epoch whose losses are checked
  double last_loss_ = 0;                  // of the last of them
  std::optional<TrainingState> resumed_;  // where this process continues; reset when its first epoch starts
  double seconds_before_ = 0;             // of the run, in previous processes
  double epoch_seconds_before_ = 0;       // of training in this epoch, in previous processes
  double exposed_before_ = 0;             // of this process before this epoch
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point epoch_started_;
  std::chrono::steady_clock::time_point last_checkpoint_;
};

// `Trainer::run` from the start, with `CheckpointPolicy`'s defaults.
TrainingResult train(Network& network, Batches& train_set, Batches& test_set, const TrainingOptions& options,
                     const std::vector<TrainingObserver*>& observers, const StopRequested& stop_requested);

}  // namespace mnist
