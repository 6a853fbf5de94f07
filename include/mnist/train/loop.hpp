// The training loop: epochs of batches, each epoch followed by an evaluation. Read `src/train/loop.cpp` top to bottom,
// then `src/train/step.cpp`.
//
// Everything random (order of the items, dropout) is a pure function of (seed, epoch, step, row in the batch), so the
// same options on the same machine with the same number of threads and processes give the same weights, however often
// the run is stopped and continued.
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
  std::int64_t limit_batches = 0;  // training and test batches an epoch; 0: all
  std::uint64_t seed = 1;
  OptimizerOptions optimizer;
  Schedule schedule;
  // What an item of each class counts in a batch's mean loss, as torch.nn.CrossEntropyLoss(weight) has it: the weighted
  // sum over the sum of the weights, of the whole batch. Empty: all count the same. Not where `compute.cuda` computes.
  std::vector<double> class_weights;
  double label_smoothing = 0;   // `training_loss`
  double clip_grad_norm = 0;    // `Optimizer::clip_gradients`; 0: not
  double ema_decay = 0;         // `AveragedWeights`, which are evaluated and are the network at the end; 0: not
  std::int64_t early_stop = 0;  // epochs without a better accuracy on the test set, after which it ends; 0: never
  bool shuffle = true;          // another order every epoch; else the set's own
  // features: the network stays in evaluation mode and only its head is trained (BatchNorm's statistics do not move).
  Inputs inputs = Inputs::images;
  Compute compute;
  bool cuda_graphs = true;  // where `compute.cuda` computes: record a step and repeat it
  // Whoever trains this run with us. Each computes its rows of every batch, so that the order, what is random and the
  // updates are the same however many they are.
  std::shared_ptr<Communicator> ranks = single_process();
  // Gets a sentence where something goes on otherwise than was wanted.
  std::function<void(const std::string&)> note = [](const std::string& /*sentence*/) {};
};

struct TrainingResult {
  std::int64_t epochs = 0;  // finished ones
  Evaluation test;          // after the last finished one
  BestEpoch best;
  bool stopped = false;  // by `stop_requested`
  double seconds = 0;    // in all processes that the run has had
  // Of this process, spent waiting for other ranks' gradients after the backward pass.
  double exposed_seconds = 0;
};

// When a run hands out its state, besides the moment in which it is stopped and its end. 0: never for that reason.
struct CheckpointPolicy {
  std::int64_t epochs = 0;  // after so many
  std::int64_t steps = 0;   // after so many, counted through the run
  double seconds = 0;       // at the first step that ends so long after the last time
};

// Whether a run whose epoch in progress is `epoch` is at its end: it has `epochs`, or its best one is `early_stop` ago.
bool has_all_epochs(std::int64_t epoch, const BestEpoch& best, std::int64_t epochs, std::int64_t early_stop);

// Those that require gradients.
std::vector<torch::Tensor> trainable_parameters(const Network& network);

// Asked between two steps and between two batches of an evaluation; true ends the run there.
using StopRequested = std::function<bool()>;

// Trains in place those parameters of a network that require gradients.
class Trainer {
 public:
  // Keeps references: all outlive the trainer. All ranks begin with rank 0's parameters and buffers.
  Trainer(Network& network, Batches& train_set, Batches& test_set, const TrainingOptions& options);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // Before `run`: continues from `state`, of a run with the same options. Throws a data `Error` if it does not fit the
  // network or the optimizer.
  void restore(const TrainingState& state);

  // On all ranks together. Observers of rank 0 get states and networks; those of the others do not, because they have
  // nothing to keep. Throws an `Error` of kind diverged if a loss is no finite number or absurdly high, or a weight is
  // not finite: no state is handed out then, so that the last one is good.
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
  void share_rank_0s(const std::vector<torch::Tensor>& tensors);
  void hand_out(const Watch& watch);
  TrainingState state() const;
  std::int64_t items_of(std::int64_t step) const;
  StepRows rows_of_step(std::int64_t step) const;
  double seconds() const;

  Network& network_;
  Batches& train_set_;
  Batches& test_set_;
  const TrainingOptions& options_;
  std::unique_ptr<TrainingStep> step_;
  std::unique_ptr<AveragedWeights> average_;  // nullptr: the network's own weights are evaluated
  std::int64_t batches_;                      // an epoch

  // Where the run is: `TrainingState` says what these are.
  std::int64_t epoch_ = 1;
  std::int64_t done_ = 0;
  bool evaluating_ = false;
  Evaluation test_;
  BestEpoch best_;
  NamedTensors last_;  // the network after the last epoch that this process has finished

  std::int64_t checked_ = 0;              // steps of this epoch whose losses were looked at
  std::optional<TrainingState> resumed_;  // from which this process continues, until its first epoch has begun
  double seconds_before_ = 0;             // of the run, in processes before this one
  double epoch_seconds_before_ = 0;       // of training in this epoch, likewise
  double exposed_before_ = 0;             // of the steps of this process before this epoch
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point epoch_started_;
  std::chrono::steady_clock::time_point handed_out_;
};

// `Trainer::run` from the beginning, without checkpoints.
TrainingResult train(Network& network, Batches& train_set, Batches& test_set, const TrainingOptions& options,
                     const std::vector<TrainingObserver*>& observers, const StopRequested& stop_requested);

}  // namespace mnist
