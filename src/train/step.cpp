#include "mnist/train/step.hpp"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "mnist/data/batch.hpp"
#include "mnist/train/loop.hpp"

#include "cuda_step.hpp"

namespace mnist {
namespace {

// With LibTorch's operators (and, on a CPU, the network's own kernels), on any device.
class PlainStep : public TrainingStep {
 public:
  PlainStep(Network& network, Batches& train_set, const TrainingOptions& options)
      : TrainingStep(make_optimizer(options.optimizer, trainable_parameters(network), options.compute.kernels)),
        network_(network),
        train_set_(train_set),
        options_(options) {}

  void start(const EpochPlan& plan, std::int64_t /*first*/) override {
    const auto steps = static_cast<std::int64_t>(plan.rates.size());
    epoch_ = plan.epoch;
    rates_ = plan.rates;
    losses_ = at::zeros({steps}, options_.compute.device);
    correct_ = at::zeros({steps}, options_.compute.device);
    train_set_.start(plan.order, plan.epoch);
  }

  void run(std::int64_t step, std::int64_t begin, std::int64_t end) override {
    const Batch batch = train_set_.get(begin, end);
    torch::Tensor logits;
    {
      const PrecisionScope scope(options_.compute.precision, options_.compute.device);
      logits = options_.inputs == Inputs::features
                   ? network_.head(batch.inputs)
                   : network_.forward(batch.inputs, Dropout(options_.seed, epoch_, step));
    }
    const torch::Tensor loss = at::nll_loss(at::log_softmax(logits.to(at::kFloat), 1), batch.targets);
    optimizer_->zero_grad();
    loss.backward();
    optimizer_->step(rates_[static_cast<std::size_t>(step)]);

    const c10::AutoGradMode no_grad(false);
    losses_.select(0, step).copy_(loss);
    correct_.select(0, step).copy_(logits.argmax(1).eq(batch.targets).sum());
  }

 private:
  Network& network_;
  Batches& train_set_;
  const TrainingOptions& options_;
  std::int64_t epoch_ = 0;
  std::vector<double> rates_;
};

}  // namespace

void TrainingStep::set_figures(const torch::Tensor& losses, const torch::Tensor& correct) {
  losses_.slice(0, 0, losses.size(0)).copy_(losses);
  correct_.slice(0, 0, correct.size(0)).copy_(correct);
}

std::unique_ptr<TrainingStep> make_training_step(Network& network, Batches& train_set, const TrainingOptions& options) {
  if (options.compute.cuda != nullptr) return std::make_unique<CudaStep>(network, train_set, options);
  return std::make_unique<PlainStep>(network, train_set, options);
}

}  // namespace mnist
