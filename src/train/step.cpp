#include "mnist/train/step.hpp"

#include <cmath>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include "mnist/core/error.hpp"
#include "mnist/data/batch.hpp"
#include "mnist/train/loop.hpp"
#include "mnist/train/loss.hpp"

#include "cuda_step.hpp"

namespace mnist {
namespace {

void check_class_weights(const std::vector<double>& weights) {
  double sum = 0;
  for (const double weight : weights) {
    if (!std::isfinite(weight) || weight < 0) {
      throw usage_error(fmt::format("the class weight {} is not finite or is negative", weight),
                        "give each class a finite weight of 0 or more");
    }
    sum += weight;
  }
  if (!(sum > 0)) throw usage_error("all class weights are 0", "give at least one class a weight above 0");
}

// With LibTorch's operators (and, on a CPU, the network's own kernels), on any device.
class PlainStep : public TrainingStep {
 public:
  PlainStep(Network& network, Batches& train_set, const TrainingOptions& options)
      : TrainingStep(network, options), network_(network), train_set_(train_set), options_(options) {
    if (options.class_weights.empty()) return;
    check_class_weights(options.class_weights);
    weights_ = torch::tensor(options.class_weights, at::kFloat).to(options.compute.device);
  }

  void start(const EpochPlan& plan, std::int64_t /*first*/) override {
    const auto steps = static_cast<std::int64_t>(plan.rates.size());
    epoch_ = plan.epoch;
    rates_ = plan.rates;
    losses_ = at::zeros({steps}, options_.compute.device);
    correct_ = at::zeros({steps}, options_.compute.device);
    train_set_.start(plan.order, plan.epoch);
  }

  void run(const StepRows& rows) override {
    optimizer_->zero_grad();
    gradients_.begin();
    if (weights_.defined()) weight_ = at::zeros({}, weights_.options());
    torch::Tensor loss;
    torch::Tensor figures = at::zeros({2}, options_.compute.device);  // mean loss, correct predictions
    if (rows.own.count() > 0) {
      loss = forward(rows, figures);
      // With a single rank the share is 1: skip the multiplication to keep the bits of the mean.
      if (!weights_.defined() && rows.own.count() != rows.batch) loss = loss * rows.share();
    }
    if (weights_.defined()) {  // on all ranks, also on a rank without rows
      ranks_->sum(weight_);
      if (loss.defined()) loss = loss / weight_;
    }
    if (loss.defined()) figures.select(0, 0).copy_(loss.detach());
    const std::unique_ptr<Transfer> all_figures = ranks_->begin_sum(figures);
    if (loss.defined()) loss.backward();
    gradients_.finish();
    all_figures->wait();
    if (options_.clip_grad_norm > 0) optimizer_->clip_gradients(options_.clip_grad_norm);
    optimizer_->step(rates_[static_cast<std::size_t>(rows.step)]);
    losses_.select(0, rows.step).copy_(figures.select(0, 0));
    correct_.select(0, rows.step).copy_(figures.select(0, 1));
  }

 private:
  // Returns the mean loss of this rank's rows; with class weights, the sum of the weighted losses, and sets `weight_`
  // to the sum of the weights. Writes the number of correct predictions to `figures`.
  torch::Tensor forward(const StepRows& rows, torch::Tensor& figures) {
    const Batch batch = train_set_.get(rows.begin, rows.end());
    torch::Tensor logits;
    {
      const PrecisionScope scope(options_.compute.precision, options_.compute.device);
      logits = options_.inputs == Inputs::features
                   ? network_.head(batch.inputs)
                   : network_.forward(batch.inputs, Dropout(options_.seed, epoch_, rows.step, rows.own.begin));
    }
    figures.select(0, 1).copy_(logits.detach().argmax(1).eq(batch.targets).sum());
    TORCH_INTERNAL_ASSERT(!weights_.defined() || weights_.numel() == logits.size(1), "one class weight per class");
    if (!weights_.defined()) return training_loss(logits, batch.targets, options_.label_smoothing);
    weight_.copy_(weights_.index_select(0, batch.targets).sum());
    return weighted_loss_sum(logits, batch.targets, options_.label_smoothing, weights_);
  }

  Network& network_;
  Batches& train_set_;
  const TrainingOptions& options_;
  std::int64_t epoch_ = 0;
  std::vector<double> rates_;
  torch::Tensor weights_;  // float [classes]; undefined: all are 1
  torch::Tensor weight_;   // sum of the weights of the step's batch
};

}  // namespace

TrainingStep::TrainingStep(Network& network, const TrainingOptions& options)
    : ranks_(options.ranks),
      optimizer_(make_optimizer(options.optimizer, trainable_parameters(network), options.compute.kernels)),
      gradients_(trainable_parameters(network), options.ranks) {}

void TrainingStep::set_figures(const torch::Tensor& losses, const torch::Tensor& correct) {
  losses_.slice(0, 0, losses.size(0)).copy_(losses);
  correct_.slice(0, 0, correct.size(0)).copy_(correct);
}

std::unique_ptr<TrainingStep> make_training_step(Network& network, Batches& train_set, const TrainingOptions& options) {
  if (options.compute.cuda != nullptr) return std::make_unique<CudaStep>(network, train_set, options);
  return std::make_unique<PlainStep>(network, train_set, options);
}

}  // namespace mnist
